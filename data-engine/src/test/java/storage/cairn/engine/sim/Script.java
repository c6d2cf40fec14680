package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.replication.StorageNode;
import storage.cairn.engine.replication.VolumeAnswer;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/**
 * A cluster in memory in which nothing happens but what a test says, step by step: how a schedule that once broke a
 * promise is kept, since a seed gives another life with every change of the code.
 */
final class Script {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final long PATIENCE_NANOS = 120 * SECOND_NANOS;

    final World world;

    Script(long seed, int nodes) {
        World.Plan plan = new World.Plan(seed, StoreTarget.IN_MEMORY, List.of(), Defect.NONE, 0, false);
        world = new World(plan, Faults.none(), Shape.bare(nodes), Trace.recording());
        world.begin();
        run(5);
    }

    SimNode node(int number) {
        return world.nodes.get(number - 1);
    }

    /** Lets so many seconds pass. */
    void run(long seconds) {
        long until = world.clock.nanos() + seconds * SECOND_NANOS;
        until(() -> world.clock.nanos() >= until, "the end of a while");
    }

    /** Lets time pass until that is so. */
    void until(BooleanSupplier condition, String what) {
        long before = world.clock.nanos();
        while (!condition.getAsBoolean()) {
            if (world.clock.nanos() - before > PATIENCE_NANOS) {
                throw new AssertionError(what + " does not come:\n" + String.join("\n", world.trace.story("", -1, 40)));
            }
            world.step();
        }
    }

    interface Request {
        void to(StorageNode node, VolumeAnswer.Receiver receiver);
    }

    /** What a node answers to a request. */
    VolumeAnswer ask(int node, Request request) {
        List<VolumeAnswer> answers = new ArrayList<>();
        SimNode at = node(node);
        at.process().execute(() -> request.to(at.engine(), answers::add));
        until(() -> !answers.isEmpty(), "an answer of node " + node);
        return answers.getFirst();
    }

    /** As {@link #ask}, when it must be done. */
    Configuration done(int node, Request request) {
        VolumeAnswer answer = ask(node, request);
        if (answer instanceof VolumeAnswer.Done done) {
            return done.volume().configuration();
        }
        throw new AssertionError("node " + node + " answered " + answer);
    }

    /** Makes a volume of 1 MiB. */
    Configuration create(String name, int replicas, int minInSync) {
        long bytes = (long) Replica.EXTENT_BLOCKS * BlockDevice.BLOCK_BYTES;
        return done(1, (engine, receiver) -> engine.createVolume(name, bytes, replicas, minInSync, receiver));
    }

    Configuration current(Configuration volume) {
        return Objects.requireNonNull(world.config.current(volume.volume()));
    }

    /** The node that a disk is in. */
    SimNode nodeOf(DiskId disk) {
        for (SimNode node : world.nodes) {
            if (node.disks().getFirst().id().equals(disk)) {
                return node;
            }
        }
        throw new AssertionError("no node has disk " + disk);
    }

    /** Opens the volume's export at a node; null: it was refused. */
    @Nullable
    HostVolume open(int node, Configuration volume) {
        List<Exports.Opened> answers = new ArrayList<>();
        SimNode at = node(node);
        String export = volume.name() + "/" + current(volume).attachId();
        at.process().execute(() -> at.engine().open(export, (status, reason) -> {}, answers::add));
        until(() -> !answers.isEmpty(), "an export at node " + node);
        return answers.getFirst() instanceof Exports.Opened.Granted granted ? granted.volume() : null;
    }

    HostVolume opened(int node, Configuration volume) {
        return Objects.requireNonNull(open(node, volume), "the export was refused");
    }

    Status write(int node, HostVolume volume, long block, long value) {
        Buffer data = Objects.requireNonNull(node(node).hostMemory().acquire(BlockDevice.BLOCK_BYTES));
        Stamps.put(data, 0, value);
        List<Status> answers = new ArrayList<>();
        long offset = block * BlockDevice.BLOCK_BYTES;
        node(node)
                .process()
                .execute(() ->
                        volume.write(offset, BlockDevice.BLOCK_BYTES, data, (tag, status) -> answers.add(status), 0));
        until(() -> !answers.isEmpty(), "the answer to a write");
        data.release();
        return answers.getFirst();
    }

    /** What a block was filled with; throws when it cannot be read. */
    long read(int node, HostVolume volume, long block) {
        Buffer data = Objects.requireNonNull(node(node).hostMemory().acquire(BlockDevice.BLOCK_BYTES));
        List<Status> answers = new ArrayList<>();
        node(node).process().execute(() -> volume.read(block, 1, data, (tag, status) -> answers.add(status), 0));
        until(() -> !answers.isEmpty(), "the answer to a read");
        long value = Stamps.get(data, 0);
        data.release();
        if (answers.getFirst() != Status.OK) {
            throw new AssertionError("a read of block " + block + " answered " + answers.getFirst());
        }
        return value;
    }

    Replica replica(Configuration volume, DiskId disk) {
        ReplicaStore store = Objects.requireNonNull(nodeOf(disk).store(disk));
        return Objects.requireNonNull(store.replica(volume.volume()));
    }

    /** Applies a write to one replica as an owner of its epoch would, behind the back of the engine. */
    void apply(Configuration volume, DiskId disk, long wseq, long block, long value) {
        Replica replica = replica(volume, disk);
        Buffer data = Objects.requireNonNull(nodeOf(disk).hostMemory().acquire(BlockDevice.BLOCK_BYTES));
        Stamps.put(data, 0, value);
        data.seal(0, 1);
        List<Status> answers = new ArrayList<>();
        long epoch = replica.configuration().epoch();
        replica.write(epoch, wseq, 0, block, 1, data, 0, (tag, status) -> answers.add(status), 0);
        until(() -> !answers.isEmpty(), "a replica's answer");
        data.release();
        if (answers.getFirst() != Status.OK) {
            throw new AssertionError("disk " + disk + " answered " + answers.getFirst());
        }
    }
}
