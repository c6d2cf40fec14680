package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Network;

/**
 * The network between simulated nodes: which of them listens, what is cut between them, and every stream that exists.
 * {@link #join} gives a process its {@link Network}.
 */
public final class SimNetwork {
    private static final long HANDSHAKE_NANOS = 100_000;
    private static final long LONGEST_DELAY_NANOS = 2_000_000_000L;
    private static final long LONGEST_PARTITION_NANOS = 20_000_000_000L;
    private static final long LATEST_ACCEPT_NANOS = 3_000_000_000L;
    private static final long CONNECT_TIMEOUT_NANOS = 20_000_000_000L;

    private final SimClock clock;
    private final SimRandom random;
    private final Faults faults;
    private final Trace trace;
    private final Network.Framing framing;
    private final TreeMap<Integer, Endpoint> endpoints = new TreeMap<>();
    private final List<SimStream> streams = new ArrayList<>();
    /** Until when nothing passes, by {@code from << 16 | to}. */
    private final TreeMap<Integer, Long> cutUntil = new TreeMap<>();

    private long mostQueuedBytes;

    public SimNetwork(SimClock clock, SimRandom random, Faults faults, Trace trace, Network.Framing framing) {
        this.clock = clock;
        this.random = random;
        this.faults = faults;
        this.trace = trace;
        this.framing = framing;
    }

    /** The network as {@code process}, which runs as {@code node}, has it; frames arrive in buffers of {@code pool}. */
    public Network join(int node, SimProcess process, BufferPool pool) {
        Endpoint endpoint = new Endpoint(node, process, pool);
        endpoints.put(node, endpoint);
        return endpoint;
    }

    /**
     * The process of {@code node} is gone. Its peers hear of it at once when the kernel lives on ({@code silent}
     * false), otherwise only when they give up by themselves.
     */
    public void leave(int node, boolean silent) {
        endpoints.remove(node);
        for (SimStream stream : List.copyOf(streams)) {
            if (stream.node() == node) {
                stream.processGone(silent);
            }
        }
        if (silent) {
            for (SimStream stream : streams) {
                if (stream.peerNode() == node) {
                    stream.goSilent();
                }
            }
        }
    }

    /** Nothing passes from {@code from} to {@code to} for a while. */
    public void cut(int from, int to, long nanos) {
        cutUntil.merge(pair(from, to), clock.nanos() + nanos, Math::max);
        faults.count(Fault.NET_PARTITION);
        trace.event(clock.nanos(), from, "net: cut", to, nanos, 0);
    }

    /** Nothing passes between {@code node} and any of {@code others} for a while. */
    void isolate(int node, List<Integer> others, long nanos) {
        for (int other : others) {
            if (other != node) {
                cutUntil.merge(pair(node, other), clock.nanos() + nanos, Math::max);
                cutUntil.merge(pair(other, node), clock.nanos() + nanos, Math::max);
            }
        }
        trace.event(clock.nanos(), node, "net: isolated", nanos, 0, 0);
    }

    /** All cuts end; streams that went silent are reset. */
    public void heal() {
        cutUntil.clear();
        for (SimStream stream : List.copyOf(streams)) {
            stream.healed();
        }
    }

    /** Chance's turn: perhaps a partition begins or some stream breaks. Called now and then by the world. */
    void tick() {
        int nodes = endpoints.size();
        if (nodes > 1 && faults.chance(Fault.NET_PARTITION, random)) {
            List<Integer> names = List.copyOf(endpoints.keySet());
            int from = names.get(random.below(nodes));
            int to = names.get(random.below(nodes));
            long nanos = random.below(LONGEST_PARTITION_NANOS);
            if (from != to) {
                cut(from, to, nanos);
                if (random.nextBoolean()) {
                    cut(to, from, nanos);
                }
            }
        }
        if (!streams.isEmpty() && faults.strikes(Fault.NET_HALF_OPEN, random)) {
            SimStream stream = streams.get(random.below(streams.size()));
            stream.goSilent();
            if (random.nextBoolean()) {
                stream.other().goSilent();
            }
        }
    }

    long cutUntil(int from, int to) {
        return cutUntil.getOrDefault(pair(from, to), 0L);
    }

    /** The largest number of bytes that any stream has ever had queued. */
    public long mostQueuedBytes() {
        return mostQueuedBytes;
    }

    void queued(long bytes) {
        mostQueuedBytes = Math.max(mostQueuedBytes, bytes);
    }

    int openStreams() {
        return streams.size();
    }

    private static int pair(int from, int to) {
        return from << 16 | to;
    }

    long latencyNanos(int bytes) {
        long nanos = 20_000L + random.below(30_000) + bytes;
        if (faults.strikes(Fault.NET_DELAY, random)) {
            nanos += random.below(LONGEST_DELAY_NANOS);
        }
        return nanos;
    }

    SimClock clock() {
        return clock;
    }

    SimRandom random() {
        return random;
    }

    Faults faults() {
        return faults;
    }

    Trace trace() {
        return trace;
    }

    Network.Framing framing() {
        return framing;
    }

    void forget(SimStream stream) {
        streams.remove(stream);
    }

    private void establish(SimStream near, int to) {
        if (near.ended()) {
            return;
        }
        Endpoint endpoint = endpoints.get(to);
        int from = near.node();
        boolean cut = Math.max(cutUntil(from, to), cutUntil(to, from)) > clock.nanos();
        if (cut || near.silent()) {
            clock.after(HANDSHAKE_NANOS * 1_000, () -> retry(near, to));
            return;
        }
        if (endpoint == null || endpoint.acceptor == null) {
            near.refused();
            return;
        }
        SimStream far = new SimStream(this, endpoint.process, endpoint.pool, to, from);
        SimStream.join(near, far);
        streams.add(near);
        streams.add(far);
        long late = faults.strikes(Fault.NET_LATE_ACCEPT, random) ? random.below(LATEST_ACCEPT_NANOS) : 0;
        endpoint.after(late, () -> {
            if (!far.ended() && endpoint.acceptor != null) {
                far.listener(endpoint.acceptor.accepted(far));
            }
        });
        near.established();
    }

    private void retry(SimStream near, int to) {
        if (clock.nanos() - near.startedNanos() > CONNECT_TIMEOUT_NANOS) {
            near.broken("connect timed out");
        } else {
            establish(near, to);
        }
    }

    private final class Endpoint implements Network {
        private final int node;
        private final SimProcess process;
        private final BufferPool pool;
        private @Nullable Acceptor acceptor;

        Endpoint(int node, SimProcess process, BufferPool pool) {
            this.node = node;
            this.process = process;
            this.pool = pool;
        }

        @Override
        public Stream connect(int to, Listener listener) {
            SimStream near = new SimStream(SimNetwork.this, process, pool, node, to);
            near.listener(listener);
            clock.after(HANDSHAKE_NANOS + latencyNanos(0), () -> establish(near, to));
            return near;
        }

        @Override
        public void accept(Acceptor acceptor) {
            this.acceptor = acceptor;
        }

        void after(long nanos, Runnable task) {
            process.after(nanos, task);
        }
    }
}
