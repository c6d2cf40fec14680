package storage.cairn.engine.sim;

import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.store.ExtentStore;
import storage.cairn.engine.store.Replica;

/** Schedules about rebuilds (I11, I12, I13): a replica comes back while hosts go on writing. */
final class RebuildSchedules {
    private static final long OLD = 1 << 16;
    private static final long NEW = 2 << 16;
    private static final int NEXT_EXTENT = Replica.EXTENT_BLOCKS;

    private final Script script;
    private final Configuration volume;
    private final HostVolume opened;

    /** Node 1 owns the volume and has a replica; that of node 2 is away, and lacks what block 0 holds. */
    private RebuildSchedules(long seed) {
        script = new Script(seed, 2);
        volume = script.served(1, 2);
        opened = script.opened(1, volume);
        script.wrote(1, opened, 1, OLD);
        script.takenOut(volume, 2);
        script.wrote(1, opened, 0, OLD);
    }

    private void rebuilt() {
        script.until(() -> script.inSync(volume, 2), "the end of a rebuild");
    }

    /** The source was read, and the host wants to write the same block before the copy is sent. */
    static void copyIsLockedFromReadToSend(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        play.script.gate(1).hold(step -> step == Gate.Step.READ);
        play.script.node(2).start();
        play.script.until(() -> play.script.gate(1).held() > 0, "the read of the source");
        Script.Asked write = play.script.writing(1, play.opened, 0, NEW);
        play.script.runMillis(100);
        play.script.gate(1).open();
        play.script.until(write::answered, "the answer to a write");
        play.rebuilt();
        play.script.holdsEverywhere(play.volume, 0, NEW, "I12");
    }

    /** The copy is on its way into a slow disk when the host writes the same block. */
    static void copyIsAppliedBeforeLaterWrites(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        play.script.gate(2).hold(step -> step == Gate.Step.RESYNC);
        play.script.node(2).start();
        play.script.until(() -> play.script.gate(2).held() > 0, "a copy");
        play.script.wrote(1, play.opened, 0, NEW);
        play.script.runMillis(100);
        play.script.gate(2).open();
        play.rebuilt();
        play.script.holdsEverywhere(play.volume, 0, NEW, "I12");
    }

    /** A copy lies in a slow disk while its stream is lost, and another one finds the replica and makes it whole. */
    static void copyOfLostStreamComesFirst(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        int[] copies = {0};
        play.script.gate(2).hold(step -> step == Gate.Step.RESYNC && copies[0]++ == 0);
        play.script.node(2).start();
        play.script.until(() -> play.script.gate(2).held() > 0, "a copy");
        play.script.wrote(1, play.opened, 0, NEW);
        play.script.cut(1, 2, 5_000);
        play.script.cut(2, 1, 5_000);
        play.script.run(20);
        play.script.gate(2).open();
        play.rebuilt();
        play.script.run(1);
        play.script.holdsEverywhere(play.volume, 0, NEW, "I12");
    }

    /** While the extents are listed, the host writes one that was listed as unchanged. */
    static void joiningReplicaGetsWritesOfTheListing(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        play.script.gate(2).hold(step -> step == Gate.Step.LIST);
        play.script.node(2).start();
        play.script.until(() -> play.script.gate(2).held() > 0, "the list of extents");
        play.script.runMillis(100);
        play.script.wrote(1, play.opened, NEXT_EXTENT, NEW);
        play.script.gate(2).open();
        play.rebuilt();
        play.script.holdsEverywhere(play.volume, NEXT_EXTENT, NEW, "I13");
    }

    /**
     * A rebuild that broke goes on over a new stream. A write that was lost with the one before lies in the source's slow
     * disk when the extents are listed again.
     */
    static void listWaitsForEarlierWrites(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        Script script = play.script;
        script.gate(2).hold(step -> step == Gate.Step.LIST);
        script.node(2).start();
        script.until(() -> script.gate(2).held() > 0, "the list of extents");
        script.gate(1).hold(step -> step == Gate.Step.WRITE);
        script.cut(1, 2, 100);
        script.world.faults.set(Fault.NET_RESET, 1_000_000);
        Script.Asked write = script.writing(1, play.opened, NEXT_EXTENT, NEW);
        script.until(() -> script.gate(1).held() > 0, "a write");
        script.until(() -> script.world.logged("RebuildStopped") > 0, "the end of a stream");
        script.world.faults.set(Fault.NET_RESET, 0);
        script.gate(2).open();
        script.run(4);
        script.gate(1).open();
        script.until(write::answered, "the answer to a write");
        // A replica that counts and lacks the write would keep it waiting, and be set aside for that.
        Script.check(
                script.world.logged("SetAside") == 0, "I13", "a joined replica lacks a write from before it joined");
        play.rebuilt();
        script.holdsEverywhere(play.volume, NEXT_EXTENT, NEW, "I13");
    }

    /**
     * An owner died, and only the replica that joined has what it wrote last. The next one, which cannot know of that,
     * begins with the same numbers, and the same replica joins.
     */
    static void joiningReplicaHasNumbersOfItsOwn(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        Script script = play.script;
        script.gate(2).hold(step -> step == Gate.Step.LIST);
        script.node(2).start();
        script.until(() -> script.gate(2).held() > 0, "the list of extents");
        script.down(1);
        script.gate(2).open();
        script.node(1).start();
        script.until(() -> script.node(1).store(script.disk(1)) != null, "disk 1");
        script.gate(1).hold(step -> step == Gate.Step.WRITE || step == Gate.Step.RESIZE);
        script.openedSoon(1, play.volume);
        script.until(() -> script.gate(1).held() > 0, "the barrier of a join");
        script.runMillis(100);
        script.down(1);
        script.node(1).start();
        HostVolume opened = script.openedSoon(1, play.volume);
        play.rebuilt();
        script.wrote(1, opened, NEXT_EXTENT, NEW);
        script.holdsEverywhere(play.volume, NEXT_EXTENT, NEW, "I8");
    }

    /** While a replica was away, a block that it has was written with other content of the same checksum. */
    static void equalChecksumsAreNoEqualBlocks(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        play.script.wroteTwin(1, play.opened, 1, OLD);
        play.script.node(2).start();
        play.rebuilt();
        play.script.holdsEverywhere(play.volume, 1, Stamps.GARBAGE, "I11");
    }

    /** A volume is owned where its replica is stale: the nearest copy of its blocks is not the one to copy. */
    static void sourceOfRebuildIsInSync(long seed) {
        RebuildSchedules play = new RebuildSchedules(seed);
        Script script = play.script;
        script.gate(2).hold(step -> step == Gate.Step.DESCRIBE);
        script.node(2).start();
        script.until(() -> script.gate(2).held() > 0, "the comparison of an extent");
        script.node(2).process().execute(() -> script.node(2).engine().move("v", 2, answer -> {}));
        script.until(() -> script.owner(play.volume) == 2, "a move");
        script.gate(2).open();
        play.rebuilt();
        script.holdsEverywhere(play.volume, 0, OLD, "I11");
    }

    /**
     * A replica was away while an extent was written and discarded again: equal to it, and older. Later it is the source
     * for one that was away during the discard only, and has the data.
     */
    static void equalExtentsGetTheirMaxWseq(long seed) {
        Script script = new Script(seed, 3, StoreTarget.EXTENT, Defect.NONE);
        Configuration volume = script.served(2, 2);
        HostVolume opened = script.opened(2, volume);
        script.takenOut(volume, 1);
        script.wrote(2, opened, NEXT_EXTENT, OLD);
        script.takenOut(volume, 3);
        script.discard(2, opened, NEXT_EXTENT, Replica.EXTENT_BLOCKS);
        if (script.node(2).store(script.disk(2)) instanceof ExtentStore store) {
            store.checkpoint();
        }
        script.run(2);
        script.node(1).start();
        script.until(() -> script.inSync(volume, 1), "the first rebuild");
        script.moved(volume, 1);
        script.node(3).start();
        script.until(() -> script.inSync(volume, 3), "the second rebuild");
        script.holdsEverywhere(volume, NEXT_EXTENT, 0, "I11");
    }
}
