package storage.cairn.engine.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Status;

/**
 * Checks one received frame after another and reads the fields of its body, in order. A field beyond the body's end
 * or a body with bytes left over is a {@link BadFrameException}. One for each engine; on its loop only.
 */
public final class FrameReader {
    private final UUID cluster;
    private ByteBuffer bytes = ByteBuffer.allocate(0);
    private FrameType type = FrameType.PING;
    private int at;
    private int end;
    private int payloadBytes;

    public FrameReader(UUID cluster) {
        this.cluster = cluster;
    }

    /** Takes a frame as the transport gave it, and verifies everything but the blocks of its payload. */
    public void open(ByteBuffer header, @Nullable Buffer payload) throws BadFrameException {
        bytes = header;
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.limit() < Frames.HEADER_BYTES) {
            throw new BadFrameException("a frame of " + bytes.limit() + " bytes");
        }
        Frames.check(bytes, 0);
        UUID from = new UUID(bytes.getLong(Frames.CLUSTER_AT), bytes.getLong(Frames.CLUSTER_AT + 8));
        if (!from.equals(cluster)) {
            throw new BadFrameException("the peer belongs to cluster " + from + ", this engine to " + cluster);
        }
        int bodyBytes = bytes.getInt(Frames.BODY_BYTES_AT);
        payloadBytes = bytes.getInt(Frames.PAYLOAD_BYTES_AT);
        type = checked(FrameType.of(bytes.get(Frames.TYPE_AT) & 0xff));
        at = Frames.HEADER_BYTES;
        end = at + bodyBytes;
        if (bytes.limit() != end || (payload == null ? 0 : payload.capacity()) < payloadBytes) {
            throw new BadFrameException(type + " was cut wrongly");
        }
        if (bodyBytes > 0 && Crc32c.of(bytes, at, bodyBytes) != bytes.getInt(Frames.BODY_CRC_AT)) {
            throw new BadFrameException(type + " with a damaged body: checksum mismatch");
        }
    }

    private static FrameType checked(@Nullable FrameType type) throws BadFrameException {
        if (type == null) {
            throw new BadFrameException("unknown frame type");
        }
        return type;
    }

    public FrameType type() {
        return type;
    }

    public Status status() {
        return Status.of(bytes.getShort(Frames.STATUS_AT));
    }

    public long tag() {
        return bytes.getLong(Frames.TAG_AT);
    }

    public int payloadBytes() {
        return payloadBytes;
    }

    private int take(int length) throws BadFrameException {
        if (end - at < length) {
            throw new BadFrameException(type + " is too short");
        }
        int from = at;
        at += length;
        return from;
    }

    public int u8() throws BadFrameException {
        return bytes.get(take(1)) & 0xff;
    }

    public boolean flag() throws BadFrameException {
        int value = u8();
        if (value > 1) {
            throw new BadFrameException(type + " with a flag of " + value);
        }
        return value == 1;
    }

    public int u16() throws BadFrameException {
        return bytes.getShort(take(2)) & 0xffff;
    }

    public int u32() throws BadFrameException {
        return bytes.getInt(take(4));
    }

    /** A number of things, at most {@code most}. */
    public int count(int most) throws BadFrameException {
        int value = u32();
        if (value < 0 || value > most) {
            throw new BadFrameException(
                    type + " with a count of " + Integer.toUnsignedString(value) + ", at most " + most);
        }
        return value;
    }

    public long u64() throws BadFrameException {
        return bytes.getLong(take(8));
    }

    /** A number that is never negative. */
    public long natural() throws BadFrameException {
        long value = u64();
        if (value < 0) {
            throw new BadFrameException(type + " with a number of " + Long.toUnsignedString(value));
        }
        return value;
    }

    public UUID id() throws BadFrameException {
        int from = take(16);
        return new UUID(bytes.getLong(from), bytes.getLong(from + 8));
    }

    public byte[] bytes(int length) throws BadFrameException {
        byte[] value = new byte[length];
        bytes.get(take(length), value);
        return value;
    }

    public String text() throws BadFrameException {
        int length = u16();
        if (length > FrameWriter.MAX_TEXT_BYTES) {
            throw new BadFrameException(type + " with a text of " + length + " bytes");
        }
        return new String(bytes(length), StandardCharsets.UTF_8);
    }

    /** Sets the checksums of the payload's {@code count} blocks, which must be all of it. */
    public Buffer crcs(@Nullable Buffer payload, int count) throws BadFrameException {
        if (payload == null || count < 1 || (long) count * BlockDevice.BLOCK_BYTES != payloadBytes) {
            throw new BadFrameException(type + " for " + count + " blocks with " + payloadBytes + " bytes of payload");
        }
        int from = take(count * 4);
        for (int i = 0; i < count; i++) {
            payload.crc(i, bytes.getInt(from + i * 4));
        }
        return payload;
    }

    /** Says that everything was read. */
    public void end() throws BadFrameException {
        if (at != end) {
            throw new BadFrameException(type + " with " + (end - at) + " bytes too many");
        }
    }
}
