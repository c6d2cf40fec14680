package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.replication.VolumeAnswer;
import storage.cairn.engine.store.Replica;

/** Schedules about what hosts are promised when volumes move, are served anew, or share disks and memory. */
final class HostSchedules {
    private static final int CREDITED_VOLUMES = 4;
    /** Blocks of a write, of which four are more than the reserve for overwrites. */
    private static final int PIECE = 100;

    private static final long OLD = 1 << 16;
    private static final long NEW = 2 << 16;
    private static final long OFFSET_NANOS = 100_000;
    private static final int OFFSETS = 40;
    private static final int LARGE_EXTENTS = 5 * 1_024;
    private static final long BLOCKS_OF_4_GIB = 1L << 20;

    private HostSchedules() {}

    /** A command that lay in a socket comes out after its connection was given up, and the host wrote again elsewhere. */
    static void closedClientBeginsNothing(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume left = script.opened(1, volume);
        script.node(1).process().execute(left::close);
        HostVolume opened = script.opened(1, volume);
        script.wrote(1, opened, 0, NEW);
        script.write(1, left, 0, OLD);
        script.holds(1, opened, 0, NEW, "I25");
    }

    /** A planned move fails no write: what is under way is completed before. */
    static void moveCompletesWritesUnderWay(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume opened = script.opened(1, volume);
        script.gate(2).hold(step -> step == Gate.Step.WRITE);
        Script.Asked write = script.writing(1, opened, 0, NEW);
        script.until(() -> script.gate(2).held() > 0, "a write");
        List<VolumeAnswer> moved = new ArrayList<>();
        script.node(1).process().execute(() -> script.node(1).engine().move("v", 2, moved::add));
        script.runMillis(300);
        script.gate(2).open();
        script.until(() -> !moved.isEmpty() && write.answered(), "a move");
        Script.check(write.ok(), "move", "a write that was under way when its volume moved answered " + write.status());
    }

    /** While a volume is served anew after its owner died, a host comes with the old export's name. */
    static void supersededExportIsRefused(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        String old = volume.name() + "/" + script.current(volume).attachId();
        script.down(1);
        script.runMillis(10);
        List<VolumeAnswer> served = new ArrayList<>();
        SimNode second = script.node(2);
        second.process().execute(() -> second.engine().serve("v", served::add));
        long until = script.world.clock.nanos() + seed % OFFSETS * OFFSET_NANOS;
        while (script.world.clock.nanos() < until) {
            script.world.step();
        }
        @Nullable HostVolume opened = script.open(2, old);
        script.until(() -> !served.isEmpty(), "a volume that is served anew");
        script.run(1);
        boolean superseded = !old.endsWith("/" + script.current(volume).attachId());
        if (superseded && opened != null) {
            Script.check(
                    script.write(2, opened, 0, OLD) != Status.OK,
                    "I31",
                    "a write through a superseded export was answered with OK");
        }
    }

    /** A host that was away comes with the old export's name when the volume has long been served anew. */
    static void oldExportIsUnknown(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        String old = volume.name() + "/" + script.current(volume).attachId();
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        script.until(() -> !old.endsWith("/" + script.current(volume).attachId()), "a new export");
        script.wrote(1, script.opened(1, volume), 0, NEW);
        @Nullable HostVolume opened = script.open(1, old);
        Script.check(
                opened == null || script.write(1, opened, 0, OLD) != Status.OK,
                "I31",
                "a write through an export that is long superseded was answered with OK");
    }

    /**
     * A write is on the owner's own replica only, and its owner dies: nobody has read it, since the others will not
     * have it.
     */
    static void readWaitsForWriteUnderWay(long seed) {
        Script script = new Script(seed, 3);
        Configuration volume = script.served(1, 1);
        HostVolume opened = script.opened(1, volume);
        script.wrote(1, opened, 0, OLD);
        script.run(2);
        script.cut(1, 2, 60_000);
        script.cut(1, 3, 60_000);
        script.writing(1, opened, 0, NEW);
        script.runMillis(100);
        Script.Asked read = script.reading(1, opened, 0);
        script.runMillis(100);
        boolean seen = read.answered() && read.ok() && read.value() == NEW;
        script.down(1);
        long left = script.read(2, script.openedSoon(2, volume), 0);
        Script.check(!seen || left == NEW, "I6", "a read gave " + NEW + ", and a later one gave " + left);
    }

    /** All replicas are slow alike: nobody is set aside for that. */
    static void nobodyIsSetAsideWhenAllAreSlow(long seed) {
        Script script = new Script(seed, 4);
        Configuration volume = script.servedElsewhere(1);
        int owner = script.owner(volume);
        HostVolume opened = script.opened(owner, volume);
        script.wrote(owner, opened, 0, OLD);
        for (int i = 0; i < 3; i++) {
            script.gate(script.replicaNode(volume, i)).hold(step -> step == Gate.Step.WRITE);
        }
        Script.Asked write = script.writing(owner, opened, 0, NEW);
        script.run(20);
        Script.check(
                script.current(volume).inSync().size() == 3, "slow", "a replica was set aside though all are slow");
        for (int i = 0; i < 3; i++) {
            script.gate(script.replicaNode(volume, i)).open();
        }
        script.until(write::answered, "the answer to a write");
    }

    /** Both replicas are slow, and one acks at last and dies at once: the other one is all that is left. */
    static void nobodyIsSetAsideForTheDead(long seed) {
        Script script = new Script(seed, 3);
        Configuration volume = script.servedElsewhere(1);
        int owner = script.owner(volume);
        int dies = script.replicaNode(volume, 0);
        int slow = script.replicaNode(volume, 1);
        HostVolume opened = script.opened(owner, volume);
        script.wrote(owner, opened, 0, OLD);
        script.gate(dies).hold(step -> step == Gate.Step.WRITE);
        script.gate(slow).hold(step -> step == Gate.Step.WRITE);
        Script.Asked write = script.writing(owner, opened, 0, NEW);
        script.run(15);
        script.gate(dies).open();
        script.runMillis(1);
        script.down(dies);
        script.until(() -> script.current(volume).inSync().size() == 1, "the end of a replica");
        Script.check(script.inSync(volume, slow), "slow", "the only replica that lives was set aside");
        script.gate(slow).open();
        script.until(write::answered, "the answer to a write");
        script.holds(owner, opened, 0, NEW, "slow");
    }

    /** The memory that owners work with is used up on the node of a replica: reads of others are answered all the same. */
    static void replicaAnswersWithoutOwnersMemory(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.create("v", 1, 1, 1);
        int holder = script.replicaNode(volume, 0);
        int owner = 3 - holder;
        script.done(owner, (engine, receiver) -> engine.serve("v", receiver));
        HostVolume opened = script.opened(owner, volume);
        script.wrote(owner, opened, 0, NEW);
        List<Buffer> taken = new ArrayList<>();
        BufferPool pool = script.node(holder).memory().owner();
        for (Buffer next = pool.acquire(BufferPool.MAX_BYTES);
                next != null;
                next = pool.acquire(BufferPool.MAX_BYTES)) {
            taken.add(next);
        }
        script.holds(owner, opened, 0, NEW, "I26");
        taken.forEach(Buffer::release);
    }

    /** Volumes have credits, their epochs end, and another volume fills the disks, but for what is kept aside. */
    static void creditsEndWithTheirEpoch(long seed) {
        Script script = new Script(seed, 2);
        List<Configuration> volumes = new ArrayList<>();
        for (int i = 1; i <= CREDITED_VOLUMES; i++) {
            String name = "v" + i;
            Configuration volume = script.create(name, 2, 1, 1);
            script.done(1, (engine, receiver) -> engine.serve(name, receiver));
            script.wrote(1, script.opened(1, volume), 0, OLD);
            Configuration before = script.current(volume);
            script.done(1, (engine, receiver) -> engine.serve(name, receiver));
            script.until(() -> !Objects.equals(before, script.current(volume)), "a new epoch");
            volumes.add(volume);
        }
        Configuration greedy = script.create("w", 2, 1, 64);
        script.done(1, (engine, receiver) -> engine.serve("w", receiver));
        script.run(1);
        script.fill(1, script.opened(1, greedy));
        for (Configuration volume : volumes) {
            script.fill(1, script.opened(1, volume));
            Script.check(
                    script.world.logged("ReplicaFailed") == 0
                            && script.current(volume).inSync().size() == 2,
                    "I26",
                    "a replica was lost for a write that it had no space for");
        }
    }

    /**
     * Writes are admitted on slots that a replica has promised, whose process ends before it has them. Another volume
     * that has a replica on that disk fills it before they come.
     */
    static void admittedFitsAfterRestart(long seed) {
        Script script = new Script(seed, 3, StoreTarget.EXTENT.smallestBlocks(), StoreTarget.EXTENT);
        Configuration one = script.create("one", 2, 2, 40);
        int maker = script.replicaNode(one, 0);
        script.done(maker, (engine, receiver) -> engine.serve("one", receiver));
        script.wrote(maker, script.openedSoon(maker, one), 0, OLD);
        script.run(3);
        Configuration other = script.create("other", 2, 2, 40);
        int shared = other.inSync().contains(script.disk(maker)) ? maker : script.replicaNode(one, 1);
        int owner = script.replicaNode(one, 0) + script.replicaNode(one, 1) - shared;
        int filler = script.replicaNode(other, 0) + script.replicaNode(other, 1) - shared;
        script.done(filler, (engine, receiver) -> engine.serve("other", receiver));
        HostVolume opened = script.moved(one, owner);
        for (int i = 0; i < 10; i++) {
            script.until(script.writing(owner, opened, 0, PIECE, OLD)::ok, "a write");
        }
        script.cut(owner, shared, 40_000);
        List<Script.Asked> asked = new ArrayList<>();
        for (int i = 1; i <= 4; i++) {
            asked.add(script.writing(owner, opened, (long) i * Replica.EXTENT_BLOCKS, PIECE, NEW));
        }
        script.runMillis(100);
        script.node(shared).kill(false);
        script.until(script.node(shared)::up, "the replica's node");
        script.fill(filler, script.moved(other, filler));
        script.until(() -> asked.stream().allMatch(Script.Asked::ok), "the end of writes that were admitted");
        Script.check(script.world.logged("ReplicaFailed") == 0, "I26", "an admitted write found no space");
        script.wrote(filler, script.moved(other, filler), 0, NEW);
    }

    /** Blocks whose byte offsets differ only above 32 bits are different blocks. */
    static void offsetsHave64Bits(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, LARGE_EXTENTS);
        HostVolume opened = script.opened(1, volume);
        script.wrote(1, opened, 0, OLD);
        script.wrote(1, opened, BLOCKS_OF_4_GIB, NEW);
        script.wrote(1, opened, BLOCKS_OF_4_GIB / 2, NEW);
        script.holds(1, opened, 0, OLD, "offset");
        script.holds(1, opened, BLOCKS_OF_4_GIB, NEW, "offset");
        script.holds(1, opened, BLOCKS_OF_4_GIB / 2, NEW, "offset");
        script.takenOut(volume, 2);
        script.wrote(1, opened, BLOCKS_OF_4_GIB + 1, NEW);
        script.node(2).start();
        script.until(() -> script.inSync(volume, 2), "a rebuild");
        script.holdsEverywhere(volume, BLOCKS_OF_4_GIB + 1, NEW, "offset");
    }

    /** One request zeroes more than 2 GiB. */
    static void lengthsHave64Bits(long seed) {
        Script script = new Script(seed, 1);
        Configuration volume = script.served(1, LARGE_EXTENTS);
        HostVolume opened = script.opened(1, volume);
        long last = BLOCKS_OF_4_GIB + 10;
        script.wrote(1, opened, 1, OLD);
        script.wrote(1, opened, last, OLD);
        script.discard(1, opened, 0, last + 1);
        script.holds(1, opened, 1, 0, "length");
        script.holds(1, opened, last, 0, "length");
    }
}
