package storage.cairn.engine.store;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.UUID;
import net.openhft.chronicle.bytes.BytesStore;
import net.openhft.chronicle.bytes.PointerBytesStore;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Crc32c;

/**
 * Fixed memory of the store: one pooled buffer that is kept from open to close, seen as pages of 4 KiB and through one
 * chronicle-bytes view that is made once.
 *
 * <p>Everything is little-endian. Offsets are absolute within the buffer; {@link #at} gives that of a page.
 */
final class Mem {
    static final int PAGE = BlockDevice.BLOCK_BYTES;

    private final Buffer buffer;
    private final BytesStore<?, ?> bytes;

    Mem(Buffer buffer) {
        this.buffer = buffer;
        ByteBuffer memory = buffer.bytes();
        if (memory.isDirect()) {
            PointerBytesStore pointer = new PointerBytesStore();
            pointer.set(MemorySegment.ofBuffer(memory).address(), memory.capacity());
            this.bytes = pointer;
        } else if (memory.arrayOffset() == 0 && memory.array().length == memory.capacity()) {
            this.bytes = BytesStore.wrap(memory.array());
        } else {
            throw new IllegalArgumentException("a heap buffer must be a whole array");
        }
    }

    /** Takes {@code pages} pages out of the pool for good. */
    static Mem acquire(BufferPool pool, int pages) throws StoreException {
        Buffer buffer = pool.acquire(Math.multiplyExact(pages, PAGE));
        if (buffer == null) {
            throw new StoreException("the buffer pool has no " + pages * 4
                    + " KiB left for the fixed memory of the store: give the pool more memory or the store less");
        }
        return new Mem(buffer);
    }

    static int at(int page) {
        return page * PAGE;
    }

    Buffer buffer() {
        return buffer;
    }

    int pages() {
        return buffer.capacity() / PAGE;
    }

    void release() {
        buffer.release();
    }

    int u8(int at) {
        return bytes.readUnsignedByte(at);
    }

    void u8(int at, int value) {
        bytes.writeByte(at, (byte) value);
    }

    int u16(int at) {
        return bytes.readUnsignedShort(at);
    }

    void u16(int at, int value) {
        bytes.writeShort(at, (short) value);
    }

    int u24(int at) {
        return bytes.readUnsignedShort(at) | bytes.readUnsignedByte(at + 2) << 16;
    }

    void u24(int at, int value) {
        bytes.writeShort(at, (short) value);
        bytes.writeByte(at + 2, (byte) (value >>> 16));
    }

    int i32(int at) {
        return bytes.readInt(at);
    }

    void i32(int at, int value) {
        bytes.writeInt(at, value);
    }

    long u32(int at) {
        return bytes.readInt(at) & 0xffff_ffffL;
    }

    long u40(int at) {
        return u32(at) | (long) bytes.readUnsignedByte(at + 4) << 32;
    }

    void u40(int at, long value) {
        bytes.writeInt(at, (int) value);
        bytes.writeByte(at + 4, (byte) (value >>> 32));
    }

    long i64(int at) {
        return bytes.readLong(at);
    }

    void i64(int at, long value) {
        bytes.writeLong(at, value);
    }

    UUID uuid(int at) {
        return new UUID(i64(at + 8), i64(at));
    }

    void uuid(int at, UUID value) {
        i64(at, value.getLeastSignificantBits());
        i64(at + 8, value.getMostSignificantBits());
    }

    void bytes(int at, byte[] from, int offset, int length) {
        buffer.bytes().put(at, from, offset, length);
    }

    byte[] bytes(int at, int length) {
        byte[] copy = new byte[length];
        buffer.bytes().get(at, copy);
        return copy;
    }

    void clear(int page) {
        bytes.zeroOut(at(page), at(page + 1));
    }

    /** Copies a page of another memory into a page of this one. */
    void copy(int page, Mem from, int fromPage) {
        buffer.bytes().put(at(page), from.buffer.bytes(), at(fromPage), PAGE);
    }

    int crc(int page) {
        return Crc32c.of(buffer.bytes(), at(page), PAGE);
    }

    int crc(int at, int length) {
        return Crc32c.of(buffer.bytes(), at, length);
    }
}
