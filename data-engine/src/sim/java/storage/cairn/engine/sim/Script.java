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
 * A cluster in which nothing happens but what a schedule says, step by step: how a coincidence that random worlds
 * hardly ever bring about is played, and how a schedule that once broke a promise is kept, since a seed gives another
 * life with every change of the code. What a schedule finds broken, it throws as a {@link Violation}.
 */
final class Script {
    static final long SECOND_NANOS = 1_000_000_000L;
    static final long MILLI_NANOS = 1_000_000L;
    private static final long PATIENCE_NANOS = 120 * SECOND_NANOS;
    private static final long RETRY_NANOS = 200 * MILLI_NANOS;
    private static final long POLL_NANOS = 20 * MILLI_NANOS;

    final World world;

    Script(long seed, int nodes) {
        this(seed, nodes, StoreTarget.IN_MEMORY, Defect.NONE);
    }

    Script(long seed, int nodes, StoreTarget stores, Defect defect) {
        this(seed, Shape.bare(nodes), stores, defect);
    }

    /** With disks in memory of so many blocks. */
    Script(long seed, int nodes, int diskBlocks) {
        this(seed, Shape.bare(nodes, diskBlocks), StoreTarget.IN_MEMORY, Defect.NONE);
    }

    /** The same with disks of so many blocks. */
    Script(long seed, int nodes, int diskBlocks, StoreTarget stores) {
        this(seed, Shape.bare(nodes, diskBlocks), stores, Defect.NONE);
    }

    private Script(long seed, Shape shape, StoreTarget stores, Defect defect) {
        World.Plan plan = new World.Plan(seed, stores, List.of(), defect, 0, false);
        world = new World(plan, Faults.none(), shape, Trace.recording());
        world.begin();
        run(5);
    }

    /** Holds a promise against what happened. */
    static void check(boolean kept, String invariant, String otherwise) {
        if (!kept) {
            throw new Violation(invariant, otherwise);
        }
    }

    SimNode node(int number) {
        return world.nodes.get(number - 1);
    }

    /** The first disk of a node. */
    DiskId disk(int node) {
        return node(node).disks().getFirst().id();
    }

    /** What can be held back on a node's first disk, which is one in memory. */
    Gate gate(int node) {
        if (node(node).disks().getFirst() instanceof StoreUnderTest.InMemory memory) {
            return memory.disk().gate();
        }
        throw new IllegalStateException("the disk of node " + node + " is not in memory");
    }

    /** Lets so many seconds pass. */
    void run(long seconds) {
        runNanos(seconds * SECOND_NANOS);
    }

    void runMillis(long millis) {
        runNanos(millis * MILLI_NANOS);
    }

    private void runNanos(long nanos) {
        long end = world.clock.nanos() + nanos;
        world.clock.after(nanos, () -> {});
        while (world.clock.nanos() < end) {
            world.step();
        }
    }

    /** Lets time pass until that is so. */
    void until(BooleanSupplier condition, String what) {
        long before = world.clock.nanos();
        while (!condition.getAsBoolean()) {
            if (world.clock.nanos() - before > PATIENCE_NANOS) {
                throw new Violation(
                        "liveness",
                        what + " does not come:\n" + String.join("\n", world.trace.story("", -1, Long.MAX_VALUE, 40)));
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
        throw new Violation("liveness", "node " + node + " answered " + answer);
    }

    /** Makes a volume of 1 MiB. */
    Configuration create(String name, int replicas, int minInSync) {
        return create(name, replicas, minInSync, 1);
    }

    /** Makes a volume of so many extents of 1 MiB. */
    Configuration create(String name, int replicas, int minInSync, int extents) {
        long bytes = (long) extents * Replica.EXTENT_BLOCKS * BlockDevice.BLOCK_BYTES;
        return done(1, (engine, receiver) -> engine.createVolume(name, bytes, replicas, minInSync, receiver));
    }

    /** Makes a volume with a replica on each node, at least one of them in sync, and serves it at a node. */
    Configuration served(int node, int extents) {
        create("v", world.nodes.size(), 1, extents);
        return done(node, (engine, receiver) -> engine.serve("v", receiver));
    }

    /** Makes a volume with a replica on all nodes but one, which serves it. */
    Configuration servedElsewhere(int extents) {
        Configuration made = create("v", world.nodes.size() - 1, 1, extents);
        int without = 1;
        while (made.inSync().contains(disk(without))) {
            without++;
        }
        int owner = without;
        return done(owner, (engine, receiver) -> engine.serve("v", receiver));
    }

    /** The node that owns a volume, 0 when none does. */
    int owner(Configuration volume) {
        Configuration.Owner owner = current(volume).owner();
        return owner == null ? 0 : owner.node();
    }

    /** The node of the replica that was first, second, ... when the volume was made. */
    int replicaNode(Configuration volume, int number) {
        return nodeOf(volume.inSync().get(number)).number();
    }

    Configuration current(Configuration volume) {
        return Objects.requireNonNull(world.config.current(volume.volume()));
    }

    boolean inSync(Configuration volume, int node) {
        return current(volume).inSync().contains(disk(node));
    }

    /** The node that a disk is in. */
    SimNode nodeOf(DiskId disk) {
        for (SimNode node : world.nodes) {
            if (node.disks().getFirst().id().equals(disk)) {
                return node;
            }
        }
        throw new IllegalStateException("no node has disk " + disk);
    }

    /** A node's process is killed and stays away until it is started. */
    void down(int node) {
        world.ending();
        node(node).kill(false);
    }

    /** Kills a node, lets the volume lose its replica, and returns when that is recorded. */
    void takenOut(Configuration volume, int node) {
        down(node);
        until(() -> !inSync(volume, node), "the end of node " + node + "'s replica");
    }

    /** A node reaches no other node and not the configuration store; its hosts reach it. */
    void isolate(int node, long seconds) {
        List<Integer> all = world.nodes.stream().map(SimNode::number).toList();
        world.network.isolate(node, all, seconds * SECOND_NANOS);
        world.config.cutOff(node, seconds * SECOND_NANOS);
    }

    /** The store forgets what it accepted of a volume after that epoch. */
    void forgets(Configuration volume, long epoch) {
        world.config.rollBack(volume.volume(), (int) (current(volume).epoch() - epoch));
    }

    /** What a disk has of a block goes bad. */
    void rot(Configuration volume, DiskId disk, long block) {
        Objects.requireNonNull(world.disk(disk)).rot(volume.volume(), block);
    }

    /** Nothing passes between two nodes. */
    void part(int one, int other, long millis) {
        cut(one, other, millis);
        cut(other, one, millis);
    }

    /** Nothing passes from a node to another one. */
    void cut(int from, int to, long millis) {
        world.network.cut(from, to, millis * MILLI_NANOS);
    }

    /** Opens the volume's export at a node; null: it was refused. */
    @Nullable
    HostVolume open(int node, Configuration volume) {
        return open(node, volume.name() + "/" + current(volume).attachId());
    }

    @Nullable
    HostVolume open(int node, String export) {
        List<Exports.Opened> answers = new ArrayList<>();
        SimNode at = node(node);
        at.process().execute(() -> at.engine().open(export, (status, reason) -> {}, answers::add));
        until(() -> !answers.isEmpty(), "an export at node " + node);
        return answers.getFirst() instanceof Exports.Opened.Granted granted ? granted.volume() : null;
    }

    HostVolume opened(int node, Configuration volume) {
        HostVolume opened = open(node, volume);
        if (opened == null) {
            throw new Violation("liveness", "the export was refused at node " + node);
        }
        return opened;
    }

    /** Opens the volume's export at a node as soon as that is granted. */
    HostVolume openedSoon(int node, Configuration volume) {
        for (long waited = 0; waited < PATIENCE_NANOS; waited += RETRY_NANOS) {
            HostVolume opened = open(node, volume);
            if (opened != null) {
                return opened;
            }
            runNanos(RETRY_NANOS);
        }
        throw new Violation("liveness", "the export is always refused at node " + node);
    }

    /** A node is asked for the export again and again until something has come of it. */
    void openingUntil(int node, Configuration volume, BooleanSupplier condition, String what) {
        String export = volume.name() + "/" + current(volume).attachId();
        SimNode at = node(node);
        List<Exports.Opened> answers = new ArrayList<>();
        long before = world.clock.nanos();
        while (!condition.getAsBoolean()) {
            check(world.clock.nanos() - before < PATIENCE_NANOS, "liveness", what + " does not come");
            answers.clear();
            at.process().execute(() -> at.engine().open(export, (status, reason) -> {}, answers::add));
            until(() -> !answers.isEmpty() || condition.getAsBoolean(), what);
            long again = world.clock.nanos() + RETRY_NANOS;
            until(() -> world.clock.nanos() >= again || condition.getAsBoolean(), what);
        }
    }

    /** Something that a host asked for, and what became of it. */
    static final class Asked {
        private @Nullable Status status;
        private long value;

        boolean answered() {
            return status != null;
        }

        boolean ok() {
            return status == Status.OK;
        }

        Status status() {
            return Objects.requireNonNull(status);
        }

        /** What was read. */
        long value() {
            return value;
        }
    }

    /** A host begins to fill a block with a value. */
    Asked writing(int node, HostVolume volume, long block, long value) {
        return writing(node, volume, block, 1, value);
    }

    Asked writing(int node, HostVolume volume, long block, int count, long value) {
        int bytes = count * BlockDevice.BLOCK_BYTES;
        Buffer data = Objects.requireNonNull(node(node).hostMemory().acquire(bytes));
        for (int i = 0; i < count; i++) {
            Stamps.put(data, i, value);
        }
        return writing(node, volume, block, data);
    }

    /** A host writes what is no stamp, and has the checksum of {@code value}'s block. */
    void wroteTwin(int node, HostVolume volume, long block, long value) {
        Buffer data = Objects.requireNonNull(node(node).hostMemory().acquire(BlockDevice.BLOCK_BYTES));
        Stamps.putTwin(data, 0, value);
        Asked asked = writing(node, volume, block, data);
        until(asked::ok, "a write");
    }

    private Asked writing(int node, HostVolume volume, long block, Buffer data) {
        int bytes = data.capacity();
        Asked asked = new Asked();
        long offset = block * BlockDevice.BLOCK_BYTES;
        node(node)
                .process()
                .execute(() -> volume.write(
                        offset,
                        bytes,
                        data,
                        (tag, status) -> {
                            asked.status = status;
                            data.release();
                        },
                        0));
        return asked;
    }

    /** A host begins to read a block. */
    Asked reading(int node, HostVolume volume, long block) {
        return reading(node, volume, block, 1);
    }

    Asked reading(int node, HostVolume volume, long block, int count) {
        Buffer data = Objects.requireNonNull(node(node).hostMemory().acquire(count * BlockDevice.BLOCK_BYTES));
        Asked asked = new Asked();
        node(node)
                .process()
                .execute(() -> volume.read(
                        block,
                        count,
                        data,
                        (tag, status) -> {
                            asked.value = status == Status.OK ? Stamps.get(data, 0) : 0;
                            asked.status = status;
                            data.release();
                        },
                        0));
        return asked;
    }

    Status write(int node, HostVolume volume, long block, long value) {
        Asked asked = writing(node, volume, block, value);
        until(asked::answered, "the answer to a write");
        return asked.status();
    }

    /** As {@link #write}, when it must succeed. */
    void wrote(int node, HostVolume volume, long block, long value) {
        Status status = write(node, volume, block, value);
        check(status == Status.OK, "liveness", "a write of block " + block + " answered " + status);
    }

    /** Writes extent after extent, and then smaller pieces, until the volume or a disk is full. */
    void fill(int node, HostVolume volume) {
        long blocks = volume.sizeBytes() / BlockDevice.BLOCK_BYTES;
        int piece = Replica.EXTENT_BLOCKS;
        for (long block = 0; block + piece <= blocks && piece > 0; ) {
            Asked asked = writing(node, volume, block, piece, 1 << 16);
            until(asked::answered, "the answer to a write");
            block += asked.ok() ? piece : 0;
            piece = asked.ok() ? piece : piece / 2;
        }
    }

    /** Discards blocks. */
    void discard(int node, HostVolume volume, long block, long count) {
        Asked asked = new Asked();
        long bytes = BlockDevice.BLOCK_BYTES;
        node(node)
                .process()
                .execute(() ->
                        volume.zero(block * bytes, count * bytes, true, (tag, status) -> asked.status = status, 0));
        until(asked::answered, "the answer to a discard");
        check(asked.ok(), "liveness", "a discard answered " + asked.status());
    }

    /** What a block was filled with; throws when it cannot be read. */
    long read(int node, HostVolume volume, long block) {
        Asked asked = reading(node, volume, block);
        until(asked::answered, "the answer to a read");
        check(asked.ok(), "liveness", "a read of block " + block + " answered " + asked.status());
        return asked.value();
    }

    /** A block must hold that. */
    void holds(int node, HostVolume volume, long block, long value, String invariant) {
        long found = read(node, volume, block);
        check(
                found == value,
                invariant,
                "block " + block + " reads as " + found + " at node " + node + " and not as " + value);
    }

    /** The volume must hold that in a block, whichever of the living nodes serves it. */
    void holdsEverywhere(Configuration volume, long block, long value, String invariant) {
        for (SimNode node : world.nodes) {
            if (node.up()) {
                holds(node.number(), moved(volume, node.number()), block, value, invariant);
            }
        }
    }

    /** Opens the volume at a node that it is moved to. */
    HostVolume moved(Configuration volume, int node) {
        // Long enough that every replica hears what is committed.
        run(2);
        Configuration.Owner owner = current(volume).owner();
        if (owner == null || owner.node() != node) {
            done(node, (engine, receiver) -> engine.move(volume.name(), node, receiver));
        }
        return openedSoon(node, volume);
    }

    /** For some time no read there is answered: another owner has acked a write. */
    void answersNoRead(int node, HostVolume volume, long block, long seconds) {
        List<Asked> all = new ArrayList<>();
        for (long left = seconds * SECOND_NANOS; left > 0; left -= POLL_NANOS) {
            all.add(reading(node, volume, block));
            runNanos(POLL_NANOS);
            for (Asked asked : all) {
                check(
                        !asked.answered() || !asked.ok(),
                        "I5",
                        "node " + node + " answered a read of block " + block + " with " + asked.value()
                                + " though another owner has acked a write since");
            }
        }
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
        check(answers.getFirst() == Status.OK, "contract", "disk " + disk + " answered " + answers.getFirst());
    }
}
