package storage.cairn.engine.replication;

import java.util.TreeSet;
import java.util.UUID;
import java.util.random.RandomGenerator;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.protocol.Authentication;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameWriter;

/** What the parts of one engine's replication share: who they are and what they ask of the world. */
final class NodeContext {
    static final long NANOS_PER_MILLI = 1_000_000;

    final NodeIdentity identity;
    /** Numbers of all nodes known now; more may come. */
    final TreeSet<Integer> nodes;

    final NodeSettings settings;
    final Clock clock;
    final RandomGenerator random;
    final Network network;
    final ConfigStore configStore;
    final NodeBuffers buffers;
    final Log log;

    /** Names this run of the process: grants and streams of another run are not ours. */
    final UUID session;

    final Authentication authentication;
    final FrameWriter writer;
    final FrameReader reader;

    NodeContext(
            NodeIdentity identity,
            NodeSettings settings,
            Clock clock,
            RandomGenerator random,
            Network network,
            ConfigStore configStore,
            NodeBuffers buffers,
            Log log) {
        this.identity = identity;
        this.nodes = new TreeSet<>(identity.nodes());
        this.settings = settings;
        this.clock = clock;
        this.random = random;
        this.network = network;
        this.configStore = configStore;
        this.buffers = buffers;
        this.log = log;
        this.session = newId();
        this.authentication = new Authentication(identity.secret(), identity.cluster());
        this.writer = new FrameWriter(identity.cluster());
        this.reader = new FrameReader(identity.cluster());
    }

    /** A random identity, version 4. */
    UUID newId() {
        long most = (random.nextLong() & 0xffff_ffff_ffff_0fffL) | 0x4000L;
        long least = (random.nextLong() & 0x3fff_ffff_ffff_ffffL) | 0x8000_0000_0000_0000L;
        return new UUID(most, least);
    }

    byte[] newNonce() {
        byte[] nonce = new byte[Authentication.NONCE_BYTES];
        random.nextBytes(nonce);
        return nonce;
    }

    long now() {
        return clock.nanos();
    }

    Clock.Timer afterMillis(long millis, Runnable task) {
        return clock.after(nanos(millis), task);
    }

    static long nanos(long millis) {
        return millis * NANOS_PER_MILLI;
    }

    /** Whole milliseconds, rounded up, so that waiting so long is enough. */
    static long millis(long nanos) {
        return (nanos + NANOS_PER_MILLI - 1) / NANOS_PER_MILLI;
    }
}
