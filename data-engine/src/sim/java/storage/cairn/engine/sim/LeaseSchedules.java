package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.HostVolume;

/**
 * Schedules about leases (I5): a node that owns a volume and has a replica of it loses all others, while hosts still
 * reach it, and another node takes the volume over.
 */
final class LeaseSchedules {
    private static final long OLD = 1 << 16;
    private static final long NEW = 2 << 16;

    /** Longer than everything else of a schedule. */
    private static final long LONG_SECONDS = 600;
    /** Long enough that another node has taken the volume over. */
    private static final long PARTED_MILLIS = 20_000;
    /** As long as an owner bears a silent replica, or nearly. */
    private static final long SILENCE_MILLIS = 2_300;

    private LeaseSchedules() {}

    /** EPOCH_SET of a new owner waits for the grant of the old one. */
    static void newOwnerWaitsForGrant(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);
        script.runMillis(100 * (seed % 10));

        script.isolate(1, 60);
        HostVolume after = script.openedSoon(2, volume);
        script.wrote(2, after, 0, NEW);
        script.answersNoRead(1, before, 0, 8);
    }

    /** A replica that is back waits as long as a grant may live that it does not know of any more. */
    static void restartedReplicaIsSilent(long seed) {
        restartedReplicaIsSilent(seed, Defect.NONE);
    }

    static void restartedReplicaIsSilent(long seed, Defect defect) {
        Script script = new Script(seed, 2, StoreTarget.IN_MEMORY, defect);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);
        script.runMillis(100 * (seed % 10));

        script.isolate(1, 60);
        script.down(2);
        script.node(2).start();
        HostVolume after = script.openedSoon(2, volume);
        script.wrote(2, after, 0, NEW);
        script.answersNoRead(1, before, 0, 8);
    }

    /** A lease lasts from when its renewal was sent, however late the answer comes. */
    static void leaseCountsFromSending(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);
        script.runMillis(100 * (seed % 10));

        // One renewal arrives there and is answered, and the answer is under way for almost three seconds.
        script.cut(2, 1, 2_900);
        script.world.config.cutOff(1, 60 * Script.SECOND_NANOS);
        script.runMillis(600);
        script.cut(1, 2, 60_000);
        HostVolume after = script.openedSoon(2, volume);
        script.wrote(2, after, 0, NEW);
        script.answersNoRead(1, before, 0, 8);
    }

    /** What was fetched under a lease is not given out when that is over. */
    static void leaseIsCheckedAfterFetching(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);

        script.gate(1).hold(step -> step == Gate.Step.READ);
        Script.Asked slow = script.reading(1, before, 0);
        script.until(() -> script.gate(1).held() > 0, "the read of a disk");
        script.isolate(1, 60);
        HostVolume after = script.openedSoon(2, volume);
        script.wrote(2, after, 0, NEW);
        script.gate(1).open();
        script.run(1);
        Script.check(
                !slow.answered() || !slow.ok(), "I5", "node 1 answered a read though node 2 has acked a write since");
    }

    /**
     * An owner that is cut off has fetched a read from its own replica and lacks the lease of the other one. The next owner
     * writes, and makes the replica its own. The store forgets all that, and lets the owner of before go on with its
     * replica alone: the lease of that is live, but it is of the next owner now.
     */
    static void readThatWaitedIsCurrent(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);
        long epoch = script.current(volume).epoch();

        script.world.config.cutOff(1, LONG_SECONDS * Script.SECOND_NANOS);
        script.part(1, 2, PARTED_MILLIS);
        script.runMillis(PARTED_MILLIS / 2);
        Script.Asked read = script.reading(1, before, 0);
        script.wrote(2, script.openedSoon(2, volume), 0, NEW);
        Script.check(!script.inSync(volume, 1), "script", "the replica of the owner that is cut off is not taken out");
        script.until(() -> script.inSync(volume, 1), "the replica that was cut off");
        forgottenFor(script, volume, epoch, 1);
        script.run(4);
        notOld(read);
    }

    /** The same with a write that the owner's own replica acked, and that the next owner undid there. */
    static void ackThatWaitedIsCurrent(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);
        long epoch = script.current(volume).epoch();

        script.world.config.cutOff(1, LONG_SECONDS * Script.SECOND_NANOS);
        script.part(1, 2, PARTED_MILLIS);
        Script.Asked write = script.writing(1, before, 1, OLD);
        script.runMillis(PARTED_MILLIS / 2);
        HostVolume after = script.openedSoon(2, volume);
        script.holds(2, after, 1, 0, "script");
        script.until(() -> script.inSync(volume, 1), "the replica that was cut off");
        forgottenFor(script, volume, epoch, 1);
        script.run(4);
        Script.check(
                !write.answered() || !write.ok(), "I1", "an owner acked a write that another owner has undone since");
    }

    /**
     * The same with a read that is on its way from a replica of another node while that replica changes its owner, and
     * that arrives when the owner of before has it alone.
     */
    static void readUnderWayIsCurrent(long seed) {
        Script script = new Script(seed, 3);
        Configuration volume = script.servedElsewhere(1);
        int owner = script.owner(volume);
        HostVolume before = script.opened(owner, volume);
        script.wrote(owner, before, 0, OLD);
        long epoch = script.current(volume).epoch();

        Asking asking = lostToTheOtherReplica(script, volume, before);
        Script.Asked read = script.reading(owner, before, 0);
        asking.answered(volume, epoch);
        script.run(4);
        notOld(read);
    }

    /** The same when a host asks where a volume has data: there is some, where the replica had none. */
    static void statusUnderWayIsCurrent(long seed) {
        Script script = new Script(seed, 3);
        Configuration volume = script.servedElsewhere(1);
        int owner = script.owner(volume);
        HostVolume before = script.opened(owner, volume);
        script.wrote(owner, before, 1, OLD);
        long epoch = script.current(volume).epoch();

        Asking asking = lostToTheOtherReplica(script, volume, before);
        List<HostVolume.Run> runs = new ArrayList<>();
        script.node(owner)
                .process()
                .execute(() -> before.blockStatus(0, 1, 1, (tag, status, found) -> runs.addAll(found), 0));
        asking.answered(volume, epoch);
        script.run(4);
        Script.check(
                runs.stream().allMatch(HostVolume.Run::allocated),
                "I5",
                "an owner told of a hole where another owner has acked a write since");
    }

    /**
     * The same with a read that comes after the change, from the owner's own replica, which nobody took from it: another
     * one that counts with it is of the next owner.
     */
    static void ownReplicaIsNotEnough(long seed) {
        Script script = new Script(seed, 3);
        Configuration volume = script.served(1, 1);
        HostVolume before = script.opened(1, volume);
        script.wrote(1, before, 0, OLD);
        long epoch = script.current(volume).epoch();

        Asking asking = lostToTheOtherReplica(script, volume, before, 2, 3);
        asking.answered(volume, epoch);
        Script.Asked read = script.reading(1, before, 0);
        // Before it takes that one out as well: alone it is what no replica of the next owner can contradict.
        script.runMillis(500);
        notOld(read);
    }

    /** What an owner of before asks a replica while that is about to be another one's. */
    private record Asking(Script script, int owner, int replica) {
        void answered(Configuration volume, long epoch) {
            script.cut(replica, owner, SILENCE_MILLIS);
            script.until(() -> script.inSync(volume, replica), "the replica that was taken out");
            forgottenFor(script, volume, epoch, owner);
        }
    }

    /**
     * The owner reaches one replica only, which nobody else reaches, and the other one's node takes the volume over and
     * writes {@link #NEW} to block 0. Soon the two replicas' nodes reach each other again.
     */
    private static Asking lostToTheOtherReplica(Script script, Configuration volume, HostVolume opened) {
        return lostToTheOtherReplica(
                script, volume, opened, script.replicaNode(volume, 0), script.replicaNode(volume, 1));
    }

    private static Asking lostToTheOtherReplica(
            Script script, Configuration volume, HostVolume opened, int other, int replica) {
        int owner = script.owner(volume);
        script.world.config.cutOff(owner, LONG_SECONDS * Script.SECOND_NANOS);
        script.part(owner, other, LONG_SECONDS * 1_000);
        script.part(other, replica, PARTED_MILLIS);
        long before = script.world.clock.nanos();
        // The owner wants to take the other one out for it, as soon as it reaches the store.
        script.writing(owner, opened, 2, NEW);
        script.wrote(other, script.openedSoon(other, volume), 0, NEW);
        Script.check(!script.inSync(volume, replica), "script", "the replica out of reach is not taken out");
        long soon = before + (PARTED_MILLIS - 50) * Script.MILLI_NANOS;
        script.until(() -> script.world.clock.nanos() >= soon, "the replicas together");
        return new Asking(script, owner, replica);
    }

    /** The store forgets all that came after an epoch, and the owner of then hears of it and goes on. */
    private static void forgottenFor(Script script, Configuration volume, long epoch, int owner) {
        script.forgets(volume, epoch);
        script.world.config.reaches(owner);
        script.until(() -> script.current(volume).epoch() > epoch, "a change of the owner of before");
        Script.check(script.owner(volume) == owner, "script", "the owner of before is not the owner");
        script.runMillis(10);
    }

    private static void notOld(Script.Asked read) {
        Script.check(
                !read.answered() || !read.ok() || read.value() == NEW,
                "I5",
                "an owner answered a read with " + (read.answered() ? read.value() : 0)
                        + " though another owner has acked a write since");
    }

    /** A replica is not proposed as in sync before it has granted, however long its owner stood still. */
    static void promotionNeedsGrant(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume opened = script.opened(1, volume);
        script.wrote(1, opened, 0, OLD);
        script.takenOut(volume, 2);
        script.wrote(1, opened, 0, NEW);

        // The last entry before the promotion is acked just when the owner begins to stand still.
        int[] entries = {0};
        script.node(2).start();
        script.gate(2).hold(step -> step == Gate.Step.RESIZE && ++entries[0] == 2);
        script.until(() -> script.gate(2).held() > 0, "the end of a rebuild");
        script.gate(2).open();
        script.node(1).pause(6_500 * Script.MILLI_NANOS);
        script.until(() -> script.inSync(volume, 2), "the promotion");
        script.holdsEverywhere(volume, 0, NEW, "I15");
    }
}
