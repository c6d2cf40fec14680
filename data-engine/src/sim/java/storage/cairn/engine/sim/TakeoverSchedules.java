package storage.cairn.engine.sim;

import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.HostVolume;

/**
 * Schedules about takeovers (I9, I11): the owner, which has no replica, dies with a write that only some of three
 * replicas hold.
 */
final class TakeoverSchedules {
    private static final int NODES = 4;
    private static final long OLD = 1 << 16;
    private static final long NEW = 2 << 16;
    private static final long LATER = 3 << 16;

    private final Script script;
    private final Configuration volume;
    private final int owner;
    private final int first;
    private final int second;
    private final int third;

    private TakeoverSchedules(long seed, StoreTarget stores) {
        script = new Script(seed, NODES, stores, Defect.NONE);
        volume = script.servedElsewhere(2);
        owner = script.owner(volume);
        first = script.replicaNode(volume, 0);
        second = script.replicaNode(volume, 1);
        third = script.replicaNode(volume, 2);
        HostVolume opened = script.opened(owner, volume);
        script.wrote(owner, opened, 0, OLD);
        script.run(2);
    }

    /** The owner writes what only some replicas get, and dies. */
    private void dyingWrite(int... lacking) {
        HostVolume opened = script.opened(owner, volume);
        for (int node : lacking) {
            script.cut(owner, node, 60_000);
        }
        Script.Asked write = script.writing(owner, opened, 0, NEW);
        script.runMillis(200);
        Script.check(!write.answered(), "I1", "a write was answered that not all replicas have");
        script.down(owner);
        script.runMillis(100);
    }

    private HostVolume takenOver() {
        return script.openedSoon(first, volume);
    }

    /** All living nodes give the same content of block 0. */
    private void agree(String invariant) {
        long value = script.read(first, script.moved(volume, first), 0);
        script.holdsEverywhere(volume, 0, value, invariant);
    }

    /** What only some members hold is on all of them when a takeover is over. */
    static void partialWriteIsRolledForward(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        play.dyingWrite(play.third);
        play.takenOver();
        play.agree("I9");
    }

    /** The disk of the member that lacks it does not take it at first, or not at all. */
    static void refusedWriteIsRolledForwardAgain(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        play.dyingWrite(play.third);
        play.script.gate(play.third).refuseWrites(1 + (int) (seed % 6));
        play.takenOver();
        play.script.until(() -> play.script.inSync(play.volume, play.third), "the replica that lacked a write");
        play.agree("I9");
    }

    /** A member that comes a little later has something that the others lack. */
    static void takeoverWaitsForEveryMember(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        play.dyingWrite(play.first, play.second);
        play.script.cut(play.first, play.third, 300);
        play.takenOver();
        play.script.run(5);
        play.agree("I9");
    }

    /** A member that is away at the takeover lacks what was rolled forward, and must get it when it is back. */
    static void absentMemberRejoinsFromCommitSeq(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        play.dyingWrite(play.third);
        play.awayDuringTakeover(play.third);
        play.agree("I11");
    }

    private void awayDuringTakeover(int node) {
        script.isolate(node, 15);
        HostVolume opened = takenOver();
        // In another extent, so that the one that differs is found for what happened before.
        script.wrote(first, opened, 300, LATER);
        script.until(() -> script.inSync(volume, node), "the rebuild of the replica of node " + node);
    }

    /** A member that is away at the takeover has a write that nobody else has, and must lose it when it is back. */
    static void ownTailOfAbsentMemberIsCompared(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        play.dyingWrite(play.first, play.second);
        play.awayDuringTakeover(play.third);
        play.agree("I11");
    }

    /** The new owner writes the block again that an absent member has a write of under a number of its own. */
    static void numbersOfEpochsDiffer(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        play.dyingWrite(play.first, play.second);
        play.script.isolate(play.third, 15);
        HostVolume opened = play.takenOver();
        play.script.wrote(play.first, opened, 0, LATER);
        play.script.until(() -> play.script.inSync(play.volume, play.third), "the rebuild");
        play.agree("I11");
    }

    /** One member's disk forgot what the others know to be committed. */
    static void memberThatLacksCommittedIsTakenOut(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        Script script = play.script;
        script.down(play.owner);
        DiskId one = script.disk(play.first);
        DiskId two = script.disk(play.second);
        long next = script.replica(play.volume, one).highestWseq() + 1;
        script.apply(play.volume, one, next, 0, NEW);
        script.apply(play.volume, two, next, 0, NEW);
        script.replica(play.volume, one).commit(next);
        play.takenOver();
        script.until(() -> script.inSync(play.volume, play.third), "the rebuild");
        script.holdsEverywhere(play.volume, 0, NEW, "I9");
    }

    /**
     * Nobody can read what one member alone has of a write, so it is undone, and the new owner dies in the middle of
     * that: the other block of that write must be the same on all.
     */
    static void undoneWriteIsTheSameEverywhere(long seed) {
        TakeoverSchedules play = new TakeoverSchedules(seed, StoreTarget.IN_MEMORY);
        Script script = play.script;
        Configuration volume = play.volume;
        HostVolume opened = script.opened(play.owner, volume);
        script.wrote(play.owner, opened, 1, OLD);
        script.cut(play.owner, play.second, 60_000);
        script.cut(play.owner, play.third, 60_000);
        Script.Asked write = script.writing(play.owner, opened, 0, 2, NEW);
        script.runMillis(200);
        Script.check(!write.answered(), "I1", "a write was answered that one replica has");
        script.down(play.owner);
        script.rot(volume, script.disk(play.first), 0);
        long wseq = script.replica(volume, script.disk(play.first)).highestWseq();
        script.openingUntil(
                play.second,
                volume,
                () -> play.holds(play.second, wseq) && play.holds(play.third, wseq),
                "the entry that is undone");
        script.down(play.second);
        long value = script.read(play.third, script.openedSoon(play.third, volume), 1);
        script.holdsEverywhere(volume, 1, value, "I9");
    }

    private boolean holds(int node, long wseq) {
        return script.replica(volume, script.disk(node)).tail().stream().anyMatch(entry -> entry.wseq() == wseq);
    }
}
