package storage.cairn.engine.nbd;

import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import storage.cairn.engine.port.Buffer;

/**
 * A window of a {@link Buffer} that Netty's transports read into and write from without a copy.
 *
 * <p>While it is armed it holds one reference of the buffer, which it releases when the transport let go of it; so the
 * memory stays out of its pool for as long as the kernel may touch it.
 */
final class PayloadView extends UnpooledDirectByteBuf {
    private final Buffer buffer;
    private final long address;
    private final NbdMemory memory;
    private int limit;
    private int credit;

    /** A view with reference count 1 of bytes {@code from} to {@code to}; it takes over one reference of the buffer. */
    PayloadView(Buffer buffer, NbdMemory memory) {
        super(UnpooledByteBufAllocator.DEFAULT, buffer.bytes(), buffer.capacity());
        this.buffer = buffer;
        this.memory = memory;
        this.address = io.netty.channel.unix.Buffer.memoryAddress(buffer.bytes());
        this.limit = buffer.capacity();
    }

    /** Bytes {@code from} to {@code to}, to be sent; afterwards {@code creditBytes} go back to the memory's account. */
    PayloadView toSend(int from, int to, int creditBytes) {
        limit = to;
        credit = creditBytes;
        setIndex(from, to);
        return this;
    }

    /** Bytes {@code from} to {@code to}, to be received. */
    PayloadView toReceive(int from, int to) {
        limit = to;
        credit = 0;
        setIndex(from, from);
        return this;
    }

    @Override
    public int capacity() {
        return limit;
    }

    @Override
    public boolean hasMemoryAddress() {
        return true;
    }

    @Override
    public long memoryAddress() {
        return address;
    }

    @Override
    protected void deallocate() {
        buffer.release();
        if (credit != 0) {
            memory.credit(credit);
        }
    }
}
