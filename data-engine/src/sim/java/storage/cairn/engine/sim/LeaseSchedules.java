package storage.cairn.engine.sim;

import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.HostVolume;

/**
 * Schedules about leases (I5): a node that owns a volume and has a replica of it loses all others, while hosts still
 * reach it, and another node takes the volume over.
 */
final class LeaseSchedules {
    private static final long OLD = 1 << 16;
    private static final long NEW = 2 << 16;

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
