package storage.cairn.engine.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Network.BadFrameException;

/**
 * The fixed header of every frame, and how a byte stream is cut by it. Little-endian:
 *
 * <pre>
 *  0 u32 magic "CRNF"     4 u8 version    5 u8 type    6 u16 status
 *  8 u64 tag, given back by the answer
 * 16 u64 u64 cluster UUID, most significant half first
 * 32 u32 bodyBytes       36 u32 payloadBytes
 * 40 u32 crc32c of the body
 * 44 u32 crc32c of bytes 0..43
 * </pre>
 *
 * The body follows, then the payload: whole blocks, whose checksums are in the body.
 */
public final class Frames {
    public static final int HEADER_BYTES = 48;

    public static final int VERSION = 1;

    /** Longest body: a full tail and a configuration. */
    public static final int MAX_BODY_BYTES = 160 << 10;

    /** What the transport cuts frames with. */
    public static final Network.Framing FRAMING = new Framing();

    static final int MAGIC = 0x464e5243;

    static final int VERSION_AT = 4;
    static final int TYPE_AT = 5;
    static final int STATUS_AT = 6;
    static final int TAG_AT = 8;
    static final int CLUSTER_AT = 16;
    static final int BODY_BYTES_AT = 32;
    static final int PAYLOAD_BYTES_AT = 36;
    static final int BODY_CRC_AT = 40;
    static final int HEADER_CRC_AT = 44;

    private Frames() {}

    static void check(ByteBuffer header, int offset) throws BadFrameException {
        int magic = u32(header, offset);
        if (magic != MAGIC) {
            throw new BadFrameException("not a frame of this protocol: magic 0x" + Integer.toHexString(magic));
        }
        int version = header.get(offset + VERSION_AT) & 0xff;
        if (version != VERSION) {
            throw new BadFrameException(
                    "protocol version " + version + ", this engine speaks " + VERSION + "; upgrade the older engine");
        }
        if (Crc32c.of(header, offset, HEADER_CRC_AT) != u32(header, offset + HEADER_CRC_AT)) {
            throw new BadFrameException("damaged frame header: checksum mismatch");
        }
        int code = header.get(offset + TYPE_AT) & 0xff;
        FrameType type = FrameType.of(code);
        if (type == null) {
            throw new BadFrameException("unknown frame type " + code);
        }
        int body = u32(header, offset + BODY_BYTES_AT);
        if (body < 0 || body > MAX_BODY_BYTES) {
            throw new BadFrameException(
                    type + " with a body of " + Integer.toUnsignedString(body) + " bytes, at most " + MAX_BODY_BYTES);
        }
        int payload = u32(header, offset + PAYLOAD_BYTES_AT);
        if (payload < 0 || payload > BufferPool.MAX_BYTES || payload % BlockDevice.BLOCK_BYTES != 0) {
            throw new BadFrameException(type + " with " + Integer.toUnsignedString(payload)
                    + " bytes of payload: not whole blocks, or more than " + BufferPool.MAX_BYTES);
        }
        if (payload > 0 && !type.mayCarryPayload()) {
            throw new BadFrameException(type + " with payload");
        }
    }

    static int u32(ByteBuffer bytes, int at) {
        int value = bytes.getInt(at);
        return bytes.order() == ByteOrder.LITTLE_ENDIAN ? value : Integer.reverseBytes(value);
    }

    private static final class Framing implements Network.Framing {
        @Override
        public int headerBytes() {
            return HEADER_BYTES;
        }

        @Override
        public int bodyBytes(ByteBuffer header, int offset) throws BadFrameException {
            check(header, offset);
            return u32(header, offset + BODY_BYTES_AT);
        }

        @Override
        public int payloadBytes(ByteBuffer header, int offset) throws BadFrameException {
            check(header, offset);
            return u32(header, offset + PAYLOAD_BYTES_AT);
        }
    }
}
