package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Network;

/**
 * One side of a simulated connection: sends into a bounded window, in order, and delivers what arrived while its
 * process is awake, is reading and has memory.
 */
final class SimStream implements Network.Stream {
    /** What the kernels of both sides hold at most. */
    private static final int WINDOW_BYTES = 4 << 20;

    private static final long RETRANSMIT_NANOS = 50_000_000;
    private static final long LATE_CLOSE_NANOS = 5_000_000_000L;

    private final SimNetwork network;
    private final SimProcess process;
    private final BufferPool pool;
    private final int node;
    private final int peerNode;
    private final long startedNanos;
    private @Nullable SimStream other;
    private Network.@Nullable Listener listener;

    private final ArrayDeque<Frame> outbound = new ArrayDeque<>();
    private long queuedBytes;
    private long windowUsed;
    private long lastArrival;
    /** Sent by the other side, to be delivered here in order. */
    private final ArrayDeque<Frame> inbound = new ArrayDeque<>();

    private boolean established;
    private boolean reading = true;
    private boolean waitsForMemory;
    private boolean pumpDue;
    /** Nothing of what this side sends passes any more, and it hears of no close. */
    private boolean silent;
    /** The application closed it or heard that it broke. */
    private boolean ended;

    private boolean told;

    SimStream(SimNetwork network, SimProcess process, BufferPool pool, int node, int peerNode) {
        this.network = network;
        this.process = process;
        this.pool = pool;
        this.node = node;
        this.peerNode = peerNode;
        this.startedNanos = network.clock().nanos();
    }

    static void join(SimStream near, SimStream far) {
        near.other = far;
        far.other = near;
        near.established = true;
        far.established = true;
    }

    void listener(Network.Listener listener) {
        this.listener = listener;
        pump();
    }

    void established() {
        process.execute(() -> {
            if (!ended && listener != null) {
                listener.opened(this);
                take();
                pump();
            }
        });
    }

    int node() {
        return node;
    }

    int peerNode() {
        return peerNode;
    }

    long startedNanos() {
        return startedNanos;
    }

    boolean ended() {
        return ended;
    }

    boolean silent() {
        return silent;
    }

    SimStream other() {
        if (other == null) {
            throw new IllegalStateException("a stream that was never established has no other side");
        }
        return other;
    }

    @Override
    public void send(
            ByteBuffer header, int headerBytes, @Nullable Buffer payload, int payloadOffset, int payloadBytes) {
        if (ended) {
            return;
        }
        checkLengths(header, headerBytes, payload, payloadOffset, payloadBytes);
        byte[] head = new byte[headerBytes];
        header.get(0, head);
        Frame frame = new Frame(head, payloadBytes);
        if (payload != null && payloadBytes > 0) {
            frame.source = payload.retain();
            frame.offset = payloadOffset;
        }
        queuedBytes += frame.bytes();
        network.queued(queuedBytes);
        outbound.add(frame);
        take();
    }

    private void checkLengths(
            ByteBuffer header, int headerBytes, @Nullable Buffer payload, int payloadOffset, int payloadBytes) {
        try {
            int fixed = network.framing().headerBytes();
            ByteBuffer view = header.duplicate().order(header.order()).position(0);
            int body = network.framing().bodyBytes(view, 0);
            int data = network.framing().payloadBytes(view, 0);
            if (fixed + body != headerBytes || data != payloadBytes) {
                throw new Violation(
                        "framing",
                        "node " + node + " sends a frame of " + headerBytes + "+" + payloadBytes
                                + " bytes whose header tells " + (fixed + body) + "+" + data);
            }
        } catch (Network.BadFrameException e) {
            throw new Violation("framing", "node " + node + " sends what is no frame: " + e.getMessage());
        }
        if (payload != null && payloadOffset + (long) payloadBytes > payload.capacity()) {
            throw new Violation("framing", "node " + node + " sends more payload than the buffer holds");
        }
    }

    /** The kernel takes what fits into the window: from then on the sender's memory is free. */
    private void take() {
        while (established && !ended && !outbound.isEmpty() && windowUsed < WINDOW_BYTES) {
            Frame frame = outbound.remove();
            queuedBytes -= frame.bytes();
            frame.copyPayload();
            windowUsed += frame.bytes();
            if (!transmit(frame)) {
                return;
            }
        }
    }

    private boolean transmit(Frame frame) {
        SimRandom random = network.random();
        Faults faults = network.faults();
        if (silent) {
            return true;
        }
        boolean resetInside = faults.strikes(Fault.NET_RESET_MID_FRAME, random);
        if (resetInside || faults.strikes(Fault.NET_RESET, random)) {
            if (!resetInside && random.nextBoolean()) {
                enqueue(frame);
            }
            network.trace().event(network.clock().nanos(), node, "net: reset", peerNode, resetInside ? 1 : 0, 0);
            reset("connection reset");
            return false;
        }
        if (faults.strikes(Fault.NET_CORRUPTION, random)) {
            frame.corrupt(random);
        }
        enqueue(frame);
        return true;
    }

    private void enqueue(Frame frame) {
        SimStream to = other();
        long now = network.clock().nanos();
        lastArrival = Math.max(lastArrival, now + network.latencyNanos(frame.bytes()));
        frame.arrival = lastArrival;
        to.inbound.add(frame);
        to.schedulePump(lastArrival - now);
    }

    private void schedulePump(long delayNanos) {
        network.clock().after(delayNanos, this::pump);
    }

    /** Delivers what arrived. */
    private void pump() {
        if (listener == null || (ended && told)) {
            return;
        }
        if (!process.awake()) {
            if (!pumpDue && !process.dead()) {
                pumpDue = true;
                process.execute(() -> {
                    pumpDue = false;
                    pump();
                });
            }
            return;
        }
        while (!inbound.isEmpty() && !ended && reading && !waitsForMemory) {
            long now = network.clock().nanos();
            Frame next = inbound.getFirst();
            if (next.arrival > now) {
                return;
            }
            long cut = network.cutUntil(peerNode, node);
            if (cut > now) {
                schedulePump(cut - now + network.random().below(RETRANSMIT_NANOS));
                return;
            }
            if (!deliver(next)) {
                return;
            }
        }
    }

    private boolean deliver(Frame frame) {
        Network.Listener to = listener;
        if (to == null) {
            return false;
        }
        if (frame.closes) {
            inbound.remove();
            tell(frame.reason, false);
            return false;
        }
        Buffer payload = null;
        if (frame.payloadBytes > 0) {
            payload = pool.acquire(frame.payloadBytes);
            if (payload == null) {
                waitsForMemory = true;
                pool.whenAvailable(() -> {
                    waitsForMemory = false;
                    pump();
                });
                return false;
            }
            payload.bytes().put(0, frame.payload, 0, frame.payloadBytes);
        }
        inbound.remove();
        SimStream from = other();
        from.windowUsed -= frame.bytes();
        if (frame.corrupted && !stillCuts(frame)) {
            if (payload != null) {
                payload.release();
            }
            reset("bad frame");
            return false;
        }
        network.trace()
                .event(network.clock().nanos(), node, "net: frame", peerNode, frame.header.length, frame.payloadBytes);
        ByteBuffer header = ByteBuffer.wrap(frame.header).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        try {
            to.received(this, header, payload);
        } finally {
            if (payload != null) {
                payload.release();
            }
        }
        from.take();
        return true;
    }

    /** Whether the transport still cuts the same frame out of the bytes; a torn length breaks the connection. */
    private boolean stillCuts(Frame frame) {
        try {
            ByteBuffer header = ByteBuffer.wrap(frame.header).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            Network.Framing framing = network.framing();
            return framing.headerBytes() + framing.bodyBytes(header, 0) == frame.header.length
                    && framing.payloadBytes(header, 0) == frame.payloadBytes;
        } catch (Network.BadFrameException e) {
            return false;
        }
    }

    /** Both sides hear that it broke, each in its own time, unless nothing passes between them. */
    private void reset(String reason) {
        long late = network.faults().strikes(Fault.NET_LATE_CLOSE, network.random())
                ? network.random().below(LATE_CLOSE_NANOS)
                : 0;
        boolean here = network.random().nextBoolean();
        broken(reason, here ? late : 0);
        other().broken(reason, here ? 0 : late);
    }

    private void broken(String reason, long delayNanos) {
        network.clock().after(delayNanos + 1_000, () -> process.execute(() -> tell(reason, false)));
    }

    void broken(String reason) {
        broken(reason, 0);
    }

    void refused() {
        process.execute(() -> tell("connection refused", true));
    }

    private void tell(String reason, boolean refused) {
        end();
        if (!told) {
            told = true;
            network.forget(this);
            if (listener != null) {
                listener.closed(this, reason, refused);
            }
        }
    }

    private void end() {
        ended = true;
        for (Frame frame : outbound) {
            frame.dropPayload();
        }
        outbound.clear();
        queuedBytes = 0;
    }

    @Override
    public void close(String reason) {
        if (ended) {
            return;
        }
        end();
        process.execute(() -> tell(reason, false));
        if (other != null && !silent && !other.ended) {
            if (network.random().nextBoolean()) {
                // A reset overtakes what was under way; otherwise the peer still gets that.
                other.inbound.clear();
            }
            Frame frame = new Frame(new byte[0], 0);
            frame.closes = true;
            frame.reason = "closed by peer";
            enqueue(frame);
        }
    }

    /** The process died: nobody here hears anything, the peer does when the machine lives on. */
    void processGone(boolean quietly) {
        ended = true;
        told = true;
        outbound.clear();
        inbound.clear();
        // The other side may know this one for long: what was behind it here is not to stay in memory for that.
        listener = null;
        network.forget(this);
        if (other != null && !quietly && !silent && !other.ended) {
            Frame frame = new Frame(new byte[0], 0);
            frame.closes = true;
            frame.reason = "connection reset by peer";
            enqueue(frame);
        }
    }

    void goSilent() {
        silent = true;
        if (other != null) {
            other.inbound.removeIf(frame -> frame.arrival > network.clock().nanos());
        }
    }

    /** Faults are over: what cannot carry anything any more breaks. */
    void healed() {
        if (silent || (other != null && (other.silent || other.ended))) {
            broken("timed out");
            if (other != null && !other.ended) {
                other.broken("timed out");
            }
        } else {
            pump();
        }
    }

    @Override
    public void trust() {}

    @Override
    public long queuedBytes() {
        return queuedBytes;
    }

    @Override
    public void pause(boolean paused) {
        reading = !paused;
        if (reading) {
            process.execute(this::pump);
        }
    }

    @Override
    public String peer() {
        return "node " + peerNode;
    }

    private static final class Frame {
        final byte[] header;
        final int payloadBytes;
        byte[] payload = {};

        @Nullable
        Buffer source;

        int offset;
        long arrival;
        boolean closes;
        boolean corrupted;
        String reason = "";

        Frame(byte[] header, int payloadBytes) {
            this.header = header;
            this.payloadBytes = payloadBytes;
        }

        int bytes() {
            return header.length + payloadBytes;
        }

        void copyPayload() {
            if (source != null) {
                payload = SimBuffers.copyOf(source, offset, payloadBytes);
                dropPayload();
            }
        }

        void dropPayload() {
            if (source != null) {
                source.release();
                source = null;
            }
        }

        void corrupt(SimRandom random) {
            corrupted = true;
            byte[] victim = payloadBytes > 0 && random.nextBoolean() ? payload : header;
            int bit = random.below(victim.length * 8);
            victim[bit >> 3] ^= (byte) (1 << (bit & 7));
        }
    }
}
