package storage.cairn.engine.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Status;

/**
 * Builds one frame after another in the same memory and sends it: {@link #begin}, the fields of the body in order,
 * then {@link #send}. One for each engine; on its loop only.
 */
public final class FrameWriter {
    /** Longest text that is sent; longer ones are cut. */
    static final int MAX_TEXT_BYTES = 512;

    private final UUID cluster;
    private final ByteBuffer frame =
            ByteBuffer.allocate(Frames.HEADER_BYTES + Frames.MAX_BODY_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private int at;

    public FrameWriter(UUID cluster) {
        this.cluster = cluster;
    }

    public FrameWriter begin(FrameType type, Status status, long tag) {
        frame.putInt(0, Frames.MAGIC);
        frame.put(Frames.VERSION_AT, (byte) Frames.VERSION);
        frame.put(Frames.TYPE_AT, (byte) type.code());
        frame.putShort(Frames.STATUS_AT, (short) status.code());
        frame.putLong(Frames.TAG_AT, tag);
        frame.putLong(Frames.CLUSTER_AT, cluster.getMostSignificantBits());
        frame.putLong(Frames.CLUSTER_AT + 8, cluster.getLeastSignificantBits());
        at = Frames.HEADER_BYTES;
        return this;
    }

    public FrameWriter begin(FrameType type, long tag) {
        return begin(type, Status.OK, tag);
    }

    public FrameWriter u8(int value) {
        frame.put(at, (byte) value);
        at += 1;
        return this;
    }

    public FrameWriter flag(boolean value) {
        return u8(value ? 1 : 0);
    }

    public FrameWriter u16(int value) {
        frame.putShort(at, (short) value);
        at += 2;
        return this;
    }

    public FrameWriter u32(int value) {
        frame.putInt(at, value);
        at += 4;
        return this;
    }

    public FrameWriter u64(long value) {
        frame.putLong(at, value);
        at += 8;
        return this;
    }

    public FrameWriter id(UUID value) {
        return u64(value.getMostSignificantBits()).u64(value.getLeastSignificantBits());
    }

    public FrameWriter bytes(byte[] value) {
        frame.put(at, value);
        at += value.length;
        return this;
    }

    public FrameWriter text(String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(utf8.length, MAX_TEXT_BYTES);
        u16(length);
        frame.put(at, utf8, 0, length);
        at += length;
        return this;
    }

    /** The checksums of {@code count} blocks of a buffer. */
    public FrameWriter crcs(Buffer payload, int index, int count) {
        for (int i = 0; i < count; i++) {
            frame.putInt(at, payload.crc(index + i));
            at += 4;
        }
        return this;
    }

    /** Seals the frame and gives it to the stream, without payload. */
    public void send(Network.Stream stream) {
        send(stream, null, 0, 0);
    }

    /** Seals the frame and gives it to the stream, with {@code payloadBytes} of {@code payload}. */
    public void send(Network.Stream stream, @Nullable Buffer payload, int payloadOffset, int payloadBytes) {
        int length = seal(payloadBytes);
        stream.send(frame, length, payloadBytes == 0 ? null : payload, payloadOffset, payloadBytes);
    }

    /** Completes the header; returns the bytes of header and body, which lie in {@link #frame} from index 0 on. */
    int seal(int payloadBytes) {
        int bodyBytes = at - Frames.HEADER_BYTES;
        frame.putInt(Frames.BODY_BYTES_AT, bodyBytes);
        frame.putInt(Frames.PAYLOAD_BYTES_AT, payloadBytes);
        frame.putInt(Frames.BODY_CRC_AT, bodyBytes == 0 ? 0 : Crc32c.of(frame, Frames.HEADER_BYTES, bodyBytes));
        frame.putInt(Frames.HEADER_CRC_AT, Crc32c.of(frame, 0, Frames.HEADER_CRC_AT));
        return at;
    }

    ByteBuffer frame() {
        return frame;
    }
}
