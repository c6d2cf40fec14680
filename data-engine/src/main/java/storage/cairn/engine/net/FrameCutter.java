package storage.cairn.engine.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Network.BadFrameException;

/**
 * Cuts one received byte stream into frames.
 *
 * <p>Bytes arrive in a stage of fixed size, from which small payloads are copied into their buffers: one system call
 * then brings many frames. The rest of a large payload is received straight into its buffer, and a head that is too
 * long for the stage into one of its own. When a pool has no buffer, cutting stops where it is and goes on later;
 * what was received already waits in the stage, and the kernel holds back the peer.
 */
final class FrameCutter {
    static final int STAGE_BYTES = 32 << 10;
    /** A longer head gets a buffer of its own, so that one in the stage always leaves room to receive. */
    private static final int STAGED_HEAD_MAX_BYTES = STAGE_BYTES / 2;
    /** Longest body of a frame from somebody who has proved nothing yet; HELLO has 113 bytes, a refusal 514. */
    private static final int STRANGERS_BODY_MAX_BYTES = 1 << 10;
    /** Less than this is not worth a system call of its own. */
    private static final int DIRECT_MIN_BYTES = 12 << 10;

    /** Where frames go. */
    interface Sink {
        /** One frame; the head is valid during the call, the payload is released after it. */
        void frame(ByteBuffer head, @Nullable Buffer payload);

        /** Whether cutting is to stop for now. */
        boolean stopped();

        /** There is no buffer: go on when {@code pool} has one. From now on {@link #stopped} is true. */
        void starved(BufferPool pool);
    }

    private enum Target {
        NONE,
        STAGE,
        HEAD,
        PAYLOAD
    }

    private final Network.Framing framing;
    private final BufferPool payloads;
    private final BufferPool heads;
    private final BufferViews views;
    private final Sink sink;
    /** Where the head of a frame lies while it is delivered; shared by all streams of the loop. */
    private final ByteBuffer scratch;

    private final ByteBuf stage;
    private final ByteBuffer staged;
    private int start;
    private int end;
    private Target target = Target.NONE;

    private int headBytes;
    private int payloadBytes;
    private boolean trusted;
    private @Nullable Buffer longHead;
    private int headFilled;
    private @Nullable Buffer payload;
    private int payloadFilled;

    FrameCutter(
            Network.Framing framing,
            BufferPool payloads,
            BufferPool heads,
            BufferViews views,
            ByteBuf stage,
            ByteBuffer scratch,
            Sink sink) {
        this.framing = framing;
        this.payloads = payloads;
        this.heads = heads;
        this.views = views;
        this.stage = stage;
        this.staged = stage.nioBuffer(0, STAGE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        this.scratch = scratch;
        this.sink = sink;
    }

    /** Memory for frame heads that are delivered, one for each loop. */
    static ByteBuffer newScratch() {
        return ByteBuffer.allocateDirect(STAGED_HEAD_MAX_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The other end has proved who it is: its frames may be as long as the framing allows. */
    void trust() {
        trusted = true;
    }

    /** Where the next bytes are to be received. The caller gives it to {@link #received} or releases it. */
    ByteBuf nextTarget() {
        Buffer head = longHead;
        if (head != null && headFilled < headBytes) {
            target = Target.HEAD;
            return views.writable(head, headFilled, headBytes - headFilled, null);
        }
        Buffer into = payload;
        if (into != null && payloadBytes - payloadFilled >= DIRECT_MIN_BYTES) {
            target = Target.PAYLOAD;
            return views.writable(into, payloadFilled, payloadBytes - payloadFilled, null);
        }
        makeRoom();
        if (end == STAGE_BYTES || stageIsOut()) {
            // Cutting is stopped, and only a peer that closes makes Netty read then: what it sent last is lost with
            // its connection.
            target = Target.NONE;
            return Unpooled.EMPTY_BUFFER;
        }
        target = Target.STAGE;
        return stage.setIndex(0, end).retain();
    }

    /** Whether Netty still holds the stage to receive into it. */
    boolean stageIsOut() {
        return stage.refCnt() > 1;
    }

    private void makeRoom() {
        if (start > 0 && !stageIsOut()) {
            staged.put(0, staged, start, end - start);
            end -= start;
            start = 0;
        }
    }

    /** Takes over what arrived in the last {@link #nextTarget}, and releases that. */
    void received(ByteBuf into) {
        int writer = into.writerIndex();
        into.release();
        switch (target) {
            case STAGE -> end = writer;
            case HEAD -> headFilled += writer;
            case PAYLOAD -> payloadFilled += writer;
            case NONE -> {}
        }
        target = Target.NONE;
    }

    /** Delivers every frame that is complete, until the sink stops it. */
    void cut() throws BadFrameException {
        while (!sink.stopped()) {
            if ((headBytes == 0 && !readFixedHeader()) || !headComplete() || !payloadComplete()) {
                return;
            }
            deliver();
        }
    }

    private boolean readFixedHeader() throws BadFrameException {
        int fixed = framing.headerBytes();
        if (end - start < fixed) {
            return false;
        }
        int body = framing.bodyBytes(staged, start);
        int data = framing.payloadBytes(staged, start);
        if (body < 0 || body > BufferPool.MAX_BYTES - fixed) {
            throw new BadFrameException("a frame with a body of " + body + " bytes");
        }
        if (data < 0 || data > BufferPool.MAX_BYTES || data % BlockDevice.BLOCK_BYTES != 0) {
            throw new BadFrameException("a frame with a payload of " + data + " bytes");
        }
        if (!trusted && (body > STRANGERS_BODY_MAX_BYTES || data > 0)) {
            throw new BadFrameException("a frame of " + body + " + " + data
                    + " bytes before the other end has proved that it knows the cluster's secret");
        }
        headBytes = fixed + body;
        payloadBytes = data;
        return true;
    }

    private boolean headComplete() {
        if (headBytes <= STAGED_HEAD_MAX_BYTES) {
            return end - start >= headBytes;
        }
        Buffer head = longHead;
        if (head == null) {
            head = heads.acquire(headBytes);
            if (head == null) {
                sink.starved(heads);
                return false;
            }
            longHead = head;
            headFilled = 0;
        }
        int more = Math.min(end - start, headBytes - headFilled);
        head.bytes().put(headFilled, staged, start, more);
        headFilled += more;
        start += more;
        return headFilled == headBytes;
    }

    private boolean payloadComplete() {
        if (payloadBytes == 0) {
            return true;
        }
        Buffer into = payload;
        if (into == null) {
            into = payloads.acquire(payloadBytes);
            if (into == null) {
                sink.starved(payloads);
                return false;
            }
            payload = into;
            payloadFilled = 0;
        }
        int from = longHead == null ? start + headBytes : start;
        int more = Math.min(end - from, payloadBytes - payloadFilled);
        into.bytes().put(payloadFilled, staged, from, more);
        payloadFilled += more;
        // The head stays where it is; what follows the payload moves up to it.
        staged.put(from, staged, from + more, end - from - more);
        end -= more;
        return payloadFilled == payloadBytes;
    }

    private void deliver() {
        Buffer head = longHead;
        Buffer data = payload;
        int length = headBytes;
        longHead = null;
        payload = null;
        headBytes = 0;
        ByteBuffer bytes;
        if (head == null) {
            bytes = scratch.clear();
            bytes.put(0, staged, start, length);
            start += length;
        } else {
            bytes = head.bytes().order(ByteOrder.LITTLE_ENDIAN);
        }
        try {
            sink.frame(bytes.limit(length), data);
        } finally {
            bytes.clear();
            if (data != null) {
                data.release();
            }
            if (head != null) {
                head.release();
            }
        }
    }

    /** Gives everything back except the stage, which belongs to the transport. */
    void drop() {
        Buffer head = longHead;
        Buffer data = payload;
        longHead = null;
        payload = null;
        headBytes = 0;
        start = 0;
        end = 0;
        if (head != null) {
            head.release();
        }
        if (data != null) {
            data.release();
        }
    }
}
