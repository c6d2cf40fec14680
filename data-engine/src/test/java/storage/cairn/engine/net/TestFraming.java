package storage.cairn.engine.net;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Network.BadFrameException;

/** Frames for tests: u32 magic, u32 bodyBytes, u32 payloadBytes, u32 number; then the body; then the payload. */
final class TestFraming implements Network.Framing {
    static final int MAGIC = 0x7e57_f4a3;
    static final int HEADER_BYTES = 16;
    static final int MAX_BODY_BYTES = 160 << 10;

    @Override
    public int headerBytes() {
        return HEADER_BYTES;
    }

    @Override
    public int bodyBytes(ByteBuffer header, int offset) throws BadFrameException {
        if (header.getInt(offset) != MAGIC) {
            throw new BadFrameException("no magic");
        }
        int bytes = header.getInt(offset + 4);
        if (bytes < 0 || bytes > MAX_BODY_BYTES) {
            throw new BadFrameException("body of " + bytes);
        }
        return bytes;
    }

    @Override
    public int payloadBytes(ByteBuffer header, int offset) throws BadFrameException {
        int bytes = header.getInt(offset + 8);
        if (bytes < 0 || bytes > BufferPool.MAX_BYTES || bytes % 4096 != 0) {
            throw new BadFrameException("payload of " + bytes);
        }
        return bytes;
    }

    /** A head whose body is filled with bytes that follow from its number. */
    static ByteBuffer head(int number, int bodyBytes, int payloadBytes) {
        ByteBuffer head = ByteBuffer.allocate(HEADER_BYTES + bodyBytes).order(ByteOrder.LITTLE_ENDIAN);
        head.putInt(MAGIC).putInt(bodyBytes).putInt(payloadBytes).putInt(number);
        while (head.hasRemaining()) {
            head.put(filling(number, head.position()));
        }
        return head.clear();
    }

    static byte filling(int number, int at) {
        return (byte) (number * 31 + at);
    }
}
