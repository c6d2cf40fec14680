package storage.cairn.engine.replication;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.Faults;
import storage.cairn.engine.sim.MemoryDisk;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;
import storage.cairn.engine.sim.SimConfigStore;
import storage.cairn.engine.sim.SimProcess;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Trace;
import storage.cairn.engine.store.ReplicaStore;

/** One engine without its adapters: a memory disk with one replica, no peers that answer, everything on one clock. */
public final class FuzzNode {
    public static final UUID CLUSTER = new UUID(0xc0, 1);
    public static final DiskId DISK = new DiskId(new UUID(0xd1, 1));
    public static final VolumeId VOLUME = new VolumeId(new UUID(0x70, 1));
    public static final UUID INCARNATION = new UUID(0x11, 1);
    public static final long EPOCH = 5;
    static final byte[] SECRET = new byte[32];

    private static final long POOL_BYTES = 64L << 20;

    public final SimClock clock = new SimClock();
    public final StorageNode node;
    private final SimBuffers pool;
    private Network.@Nullable Acceptor acceptor;

    /**
     * @param peers how many other nodes the cluster has, none of which answers
     * @param pool of everything; what is out is counted there
     */
    public FuzzNode(int peers, SimBuffers pool) {
        this.pool = pool;
        SimProcess process = new SimProcess(clock, 0);
        SimRandom random = new SimRandom(1);
        List<Integer> numbers = new ArrayList<>();
        for (int i = 1; i <= peers + 1; i++) {
            numbers.add(i);
        }
        node = new StorageNode(
                new NodeIdentity(1, CLUSTER, SECRET, numbers),
                NodeSettings.DEFAULTS,
                process,
                random,
                new NoPeers(process),
                new SimConfigStore(clock, random, Faults.none(), Trace.hashing()).open(1, process),
                new NodeBuffers(pool, pool, pool),
                Log.SILENT);
        ReplicaStore store = new MemoryDisk(DISK, 100_000, random, Faults.none()).open(process);
        store.create(configuration(), (tag, status) -> {}, 0);
        clock.runUntil(1_000_000);
        node.start();
        node.addStore(store);
        runMillis(10);
    }

    static SimBuffers newPool() {
        return new SimBuffers(POOL_BYTES);
    }

    /** That of the replica: node 2 owns the volume. */
    public static Configuration configuration() {
        return new Configuration(
                VOLUME,
                "fuzzed",
                1,
                EPOCH,
                new UUID(0xc4, 1),
                new Configuration.Owner(2, INCARNATION),
                List.of(DISK),
                List.of(new Configuration.Stale(new DiskId(new UUID(0xd1, 2)), 3)),
                List.of(),
                1,
                8L << 20,
                null,
                false,
                false);
    }

    public void runMillis(long millis) {
        clock.runUntil(clock.nanos() + millis * 1_000_000);
    }

    /** A stream that somebody opens to the engine. */
    Link accept() {
        Network.Acceptor accepting = acceptor;
        if (accepting == null) {
            throw new IllegalStateException("the engine accepts nobody");
        }
        Link link = new Link();
        link.listener = accepting.accepted(link);
        return link;
    }

    Buffer payload(int blocks) {
        Buffer payload = pool.acquire(blocks * 4096);
        if (payload == null) {
            throw new IllegalStateException("no memory");
        }
        return payload;
    }

    /** The engine's end of a stream, and what it sent. */
    static final class Link implements Network.Stream {
        final List<byte[]> sent = new ArrayList<>();
        Network.@Nullable Listener listener;
        boolean closed;
        boolean trusted;

        @Override
        public void send(
                ByteBuffer header, int headerBytes, @Nullable Buffer payload, int payloadOffset, int payloadBytes) {
            byte[] copy = new byte[headerBytes];
            header.get(0, copy);
            sent.add(copy);
        }

        void receive(byte[] frame, @Nullable Buffer payload) {
            if (!closed && listener != null) {
                listener.received(this, ByteBuffer.wrap(frame), payload);
            }
        }

        void end() {
            closed = true;
            if (listener != null) {
                listener.closed(this, "closed by the peer", false);
                listener = null;
            }
        }

        @Override
        public void trust() {
            trusted = true;
        }

        @Override
        public long queuedBytes() {
            return 0;
        }

        @Override
        public void pause(boolean paused) {}

        @Override
        public void close(String reason) {
            if (reason.isBlank()) {
                throw new AssertionError("closed without a reason");
            }
            closed = true;
        }

        @Override
        public String peer() {
            return "fuzzer";
        }
    }

    private final class NoPeers implements Network {
        private final SimProcess process;

        NoPeers(SimProcess process) {
            this.process = process;
        }

        @Override
        public Stream connect(int number, Listener listener) {
            Link link = new Link();
            process.execute(() -> listener.closed(link, "nobody there", true));
            return link;
        }

        @Override
        public void accept(Acceptor newAcceptor) {
            acceptor = newAcceptor;
        }
    }
}
