package storage.cairn.engine.replication;

import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimBuffers;

/**
 * The surroundings of a part that talks to nobody: who asks the network, or the configuration store when the test gives
 * none, fails its test.
 */
final class Nobody implements Network, ConfigStore {
    private final ConfigStore store;

    Nobody() {
        this.store = this;
    }

    Nobody(ConfigStore store) {
        this.store = store;
    }

    NodeContext context(Clock clock) {
        return new NodeContext(
                new NodeIdentity(1, new UUID(7, 7), new byte[32], List.of(1, 2)),
                NodeSettings.DEFAULTS,
                clock,
                new SplittableRandom(1),
                this,
                store,
                new NodeBuffers(new SimBuffers(1 << 20), new SimBuffers(1 << 20), new SimBuffers(1 << 20)),
                Log.SILENT);
    }

    @Override
    public Stream connect(int node, Listener listener) {
        throw new AssertionError("nobody connects here");
    }

    @Override
    public void accept(Acceptor acceptor) {
        throw new AssertionError("nobody is accepted here");
    }

    @Override
    public void get(VolumeId volume, Answer<Read> answer) {
        throw new AssertionError("nobody reads here");
    }

    @Override
    public void compareAndSet(VolumeId volume, long expected, Configuration value, Answer<Written> answer) {
        throw new AssertionError("nobody writes here");
    }

    @Override
    public void list(Answer<Listed> answer) {
        throw new AssertionError("nobody lists here");
    }

    @Override
    public Watch watch(Changed changed) {
        throw new AssertionError("nobody watches here");
    }
}
