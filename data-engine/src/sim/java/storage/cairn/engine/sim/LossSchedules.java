package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.store.Replica;

/**
 * Schedules about disks that are lost for good while a volume has no more replicas in sync than it must have (I1, I9,
 * I15, I17): two of three are needed, the third was away and is back.
 */
final class LossSchedules {
    private static final long OLD = 1 << 16;
    private static final long NEW = 2 << 16;
    private static final long LATER = 3 << 16;
    private static final long NEVER = 4 << 16;
    private static final int OTHER_EXTENT = Replica.EXTENT_BLOCKS;

    private final Script script;
    private final Configuration volume;
    private final HostVolume opened;

    /** Node 1 owns the volume; the replica of node 3 is away and lacks what blocks 0 and 256 hold. */
    private LossSchedules(long seed) {
        script = new Script(seed, 3);
        script.create("v", 3, 2, 3);
        volume = script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        opened = script.opened(1, volume);
        script.wrote(1, opened, 1, OLD);
        script.wrote(1, opened, 2, OLD);
        script.wrote(1, opened, OTHER_EXTENT + 1, OLD);
    }

    private void withoutThird() {
        script.takenOut(volume, 3);
        script.wrote(1, opened, 0, OLD);
        script.wrote(1, opened, OTHER_EXTENT, OLD);
    }

    /** A disk is gone; an empty one takes its place when its node is started. */
    private void lost(int node) {
        script.down(node);
        Objects.requireNonNull(script.world.disk(script.disk(node))).replace();
    }

    private void whole() {
        script.until(
                () -> script.current(volume).inSync().size() == 3
                        && script.current(volume).replicas().size() == 3,
                "three replicas in sync");
    }

    /** Everywhere the same, whatever became of a write that nobody answered. */
    private void agree(long block) {
        long value = script.read(1, script.moved(volume, 1), block);
        script.holdsEverywhere(volume, block, value, "I9");
    }

    /** Writes are parked when the third is back: it takes the place of the lost one, and they complete. */
    static void parkedWritesCompleteOnTheNewSet(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        play.withoutThird();
        play.lost(2);
        List<Script.Asked> parked = new ArrayList<>();
        parked.add(script.writing(1, play.opened, 0, NEW));
        parked.add(script.writing(1, play.opened, OTHER_EXTENT + 5, 3, NEW));
        // It waits for the first one, and the others for space that only the lost one could promise.
        parked.add(script.writing(1, play.opened, 0, LATER));
        script.run(3);
        parked.add(script.writing(1, play.opened, 2, LATER));
        Script.check(parked.stream().noneMatch(Script.Asked::answered), "I16", "a write was acked below minInSync");
        script.node(3).start();
        script.until(() -> parked.stream().allMatch(Script.Asked::answered), "the answers to parked writes");
        Script.check(parked.stream().allMatch(Script.Asked::ok), "liveness", "a parked write failed");
        Script.check(script.inSync(play.volume, 3), "I1", "a write was acked by a set that nobody knows");
        script.holdsEverywhere(play.volume, 0, LATER, "I9");
        script.node(2).start();
        play.whole();
        script.holdsEverywhere(play.volume, 0, LATER, "I9");
        script.holdsEverywhere(play.volume, 2, LATER, "I9");
        script.holdsEverywhere(play.volume, OTHER_EXTENT + 6, NEW, "I9");
        script.holdsEverywhere(play.volume, OTHER_EXTENT, OLD, "I9");
    }

    /** What is parked lies in the slow disk of the member that is left when the third is back, and is no part of it yet. */
    static void parkedWriteInASlowDiskIsWaitedFor(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        play.withoutThird();
        play.lost(2);
        script.gate(1).hold(step -> step == Gate.Step.WRITE);
        Script.Asked parked = script.writing(1, play.opened, 0, NEW);
        script.run(2);
        script.node(3).start();
        script.run(10);
        script.gate(1).open();
        script.until(parked::answered, "the answer to a parked write");
        script.holdsEverywhere(play.volume, 0, NEW, "I9");
    }

    /** A host discards while the third is made: no space is asked for that, and nothing else would keep it waiting. */
    static void whatComesDuringTheCopyWaits(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        play.withoutThird();
        play.lost(2);
        script.run(3);
        script.gate(3).hold(step -> step == Gate.Step.DESCRIBE);
        script.node(3).start();
        script.until(() -> script.gate(3).held() > 0, "a copy");
        Script.Asked discard = script.discarding(1, play.opened, 2 * OTHER_EXTENT, 1);
        script.run(1);
        script.gate(3).open();
        script.until(discard::answered, "the answer to a discard");
        script.holdsEverywhere(play.volume, 2 * OTHER_EXTENT, 0, "I13");
        script.holdsEverywhere(play.volume, 0, OLD, "I9");
    }

    /** The owner dies as soon as parked writes were acked by the new set: whoever takes over finds it sound. */
    static void newSetIsSoundAtOnce(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        play.withoutThird();
        play.lost(2);
        Script.Asked parked = script.writing(1, play.opened, 0, NEW);
        script.run(2);
        script.node(3).start();
        script.until(parked::answered, "the answer to a parked write");
        script.down(1);
        script.run(1);
        script.node(1).start();
        HostVolume opened = script.openedSoon(3, play.volume);
        script.wrote(3, opened, 2, LATER);
        script.holdsEverywhere(play.volume, 0, NEW, "I9");
        script.holdsEverywhere(play.volume, OTHER_EXTENT, OLD, "I9");
    }

    /**
     * The third has a write that no other got, and that was never acked. It must be forgotten when the third takes the
     * place of the lost one, and nobody who takes over may find that something is missing behind it.
     */
    static void substituteForgetsWhatNobodyElseHas(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        script.run(1);
        long next = script.replica(play.volume, script.disk(3)).highestWseq() + 2;
        script.apply(play.volume, script.disk(3), next, 2, NEVER);
        script.takenOut(play.volume, 3);
        play.lost(2);
        Script.Asked parked = script.writing(1, play.opened, 0, NEW);
        script.node(3).start();
        script.until(parked::answered, "the answer to a parked write");
        script.run(2);
        script.down(1);
        script.down(3);
        script.node(1).start();
        script.node(3).start();
        script.openedSoon(3, play.volume);
        script.holdsEverywhere(play.volume, 2, OLD, "I9");
        script.holdsEverywhere(play.volume, 0, NEW, "I9");
    }

    /** The member that seemed lost comes back in the middle of the copy: with it the volume goes on as it was. */
    static void lostMemberComesBack(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        play.withoutThird();
        script.down(2);
        Script.Asked parked = script.writing(1, play.opened, 0, NEW);
        script.run(3);
        script.gate(3).hold(step -> step == Gate.Step.DESCRIBE);
        script.node(3).start();
        script.until(() -> script.gate(3).held() > 0, "a copy");
        script.node(2).start();
        script.until(parked::answered, "the answer to a parked write");
        script.wrote(1, play.opened, OTHER_EXTENT, LATER);
        script.gate(3).open();
        play.whole();
        script.holdsEverywhere(play.volume, 0, NEW, "I12");
        script.holdsEverywhere(play.volume, OTHER_EXTENT, LATER, "I12");
    }

    /** The owner's machine is gone, and with it one of two replicas; the third is back. */
    static void ownerIsLostWithItsDisk(long seed) {
        LossSchedules play = new LossSchedules(seed);
        Script script = play.script;
        play.withoutThird();
        Script.Asked dying = script.writing(1, play.opened, 0, NEW);
        script.runMillis(seed % 3);
        play.lost(1);
        script.node(3).start();
        HostVolume opened = script.openedSoon(2, play.volume);
        long value = script.read(2, opened, 0);
        Script.check(value == NEW || (value == OLD && !dying.answered()), "I1", "an acked write is lost");
        script.wrote(2, opened, OTHER_EXTENT, LATER);
        script.down(2);
        script.run(1);
        script.node(2).start();
        script.openedSoon(3, play.volume);
        script.holdsEverywhere(play.volume, 0, value, "I9");
        script.holdsEverywhere(play.volume, OTHER_EXTENT, LATER, "I9");
        script.node(1).start();
        play.whole();
        play.agree(0);
    }

    /** Two members are left, and only one of them has what the owner wrote last. */
    static void membersThatAreLeftAreMadeAlike(long seed) {
        Script script = new Script(seed, 5);
        Configuration volume = script.create("v", 4, 3, 2);
        int without = 1;
        while (volume.inSync().contains(script.disk(without))) {
            without++;
        }
        int owner = without;
        script.done(owner, (engine, receiver) -> engine.serve("v", receiver));
        HostVolume opened = script.opened(owner, volume);
        int second = script.replicaNode(volume, 1);
        int third = script.replicaNode(volume, 2);
        int fourth = script.replicaNode(volume, 3);
        script.takenOut(volume, fourth);
        script.wrote(owner, opened, 0, OLD);
        script.run(2);
        script.cut(owner, second, 60_000);
        script.cut(owner, third, 60_000);
        Script.Asked write = script.writing(owner, opened, 0, NEW);
        script.runMillis(200);
        Script.check(!write.answered(), "I1", "a write was answered that one replica has");
        script.down(owner);
        script.down(third);
        Objects.requireNonNull(script.world.disk(script.disk(third))).replace();
        script.node(fourth).start();
        long value = script.read(second, script.openedSoon(second, volume), 0);
        script.holdsEverywhere(volume, 0, value, "I9");
    }
}
