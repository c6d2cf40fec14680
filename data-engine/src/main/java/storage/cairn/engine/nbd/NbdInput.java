package storage.cairn.engine.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.port.Buffer;

/**
 * What a session reads from its socket: command headers, and the payload of writes.
 *
 * <p>Commands are read in bulk, many with one system call, and the little payload that comes along is moved once. A
 * payload that is long, or the rest of it, goes from the socket straight to its place; and while long writes follow
 * each other only the next header is read, so that nothing of their payload is moved.
 */
final class NbdInput {
    private static final int BULK_BYTES = 32 << 10;

    /** A payload of at least this many bytes is not read in bulk. */
    private static final int LONG_BYTES = 16 << 10;

    private final BufferViews views;
    private final ByteBuf bulk;
    private final ByteBuf header;
    private final ByteBuffer bulkBytes;
    private final ByteBuffer headerBytes;
    private @Nullable ByteBuf foreign;
    private ByteBuf current;
    private boolean longWrites;
    private int skip;
    private @Nullable Buffer into;
    private @Nullable ByteBuf view;
    private int viewed;
    private int at;
    private int left;
    private long receivedBytes;

    NbdInput(ByteBufAllocator allocator, BufferViews views) {
        this.views = views;
        this.bulk = allocator.directBuffer(BULK_BYTES, BULK_BYTES);
        this.header = allocator.directBuffer(NbdWire.REQUEST_BYTES, NbdWire.REQUEST_BYTES);
        this.bulkBytes = bulk.nioBuffer(0, bulk.capacity());
        this.headerBytes = header.nioBuffer(0, header.capacity());
        this.current = bulk;
    }

    /** Bytes that were read before there was a session; more may come in the same buffer, if a read is under way. */
    void take(ByteBuf before) {
        foreign = before;
        bulk.writeBytes(before);
    }

    /** Changes with every byte that arrives. */
    long receivedBytes() {
        return receivedBytes + at;
    }

    @SuppressWarnings("ReferenceEquality") // Which buffer it is, not what is in it.
    void arrived(ByteBuf bytes) {
        receivedBytes++;
        ByteBuf receiving = view;
        if (bytes == receiving) {
            int got = receiving.writerIndex() - viewed;
            viewed += got;
            at += got;
            left -= got;
            if (left == 0) {
                view = null;
                receiving.release();
            }
        } else if (bytes == foreign) {
            bulk.discardReadBytes().writeBytes(bytes);
        }
    }

    ByteBuf target() {
        Buffer payload = into;
        if (payload != null && left > 0 && !current.isReadable()) {
            ByteBuf receiving = view;
            if (receiving == null) {
                receiving = views.writable(payload, at, left, null);
                view = receiving;
                viewed = 0;
            }
            return receiving.retain();
        }
        if (!current.isReadable()) {
            current.clear();
            current = longWrites && skip == 0 ? header : bulk;
            current.clear();
        } else {
            current.discardReadBytes();
        }
        return current.retain();
    }

    ByteBuf bytes() {
        return current;
    }

    boolean hasCommand() {
        return current.readableBytes() >= NbdWire.REQUEST_BYTES;
    }

    void expectNoWrite() {
        longWrites = false;
    }

    /** A header announced {@code length} bytes of payload, which {@link #receiveInto} will ask for unless skipped. */
    void expectWrite(int length, boolean skipped) {
        longWrites = length >= LONG_BYTES;
        skip = skipped ? length : 0;
    }

    boolean skipping() {
        return skip > 0;
    }

    /** Throws away payload; false when more has to arrive. */
    boolean skip() {
        int n = Math.min(skip, current.readableBytes());
        current.skipBytes(n);
        skip -= n;
        return n > 0;
    }

    /** The next {@code length} bytes belong at byte {@code from} of the buffer. */
    void receiveInto(Buffer buffer, int from, int length) {
        into = buffer;
        at = from;
        left = length;
    }

    /** Whether all of it is there. */
    @SuppressWarnings("ReferenceEquality") // Which buffer it is, not what is in it.
    boolean payloadComplete() {
        Buffer buffer = into;
        int n = Math.min(left, current.readableBytes());
        if (buffer != null && n > 0) {
            ByteBuffer from = current == bulk ? bulkBytes : headerBytes;
            buffer.bytes().put(at, from, current.readerIndex(), n);
            current.skipBytes(n);
            at += n;
            left -= n;
        }
        if (left == 0) {
            into = null;
        }
        return left == 0;
    }

    /** The payload is wanted no more. */
    void abandon() {
        into = null;
        left = 0;
        ByteBuf receiving = view;
        if (receiving != null) {
            view = null;
            receiving.release();
        }
    }

    void close() {
        abandon();
        bulk.release();
        header.release();
    }
}
