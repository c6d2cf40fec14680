package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collection;
import org.junit.jupiter.api.Test;

final class ClusterSimTest {
    private static final int OPERATIONS = 1_000;

    @Test
    void clustersKeepEveryPromiseUnderFaults() {
        for (long seed = 1; seed <= 2_000; seed++) {
            run(life(seed, StoreTarget.IN_MEMORY, seed % 8 == 0));
        }
    }

    /** A resend after a reconnect once gave its ack to an operation that had been taken into use again. */
    @Test
    void aReplicaThatCameBackWithATailIsNotTakenForOneThatAcked() {
        run(3, StoreTarget.IN_MEMORY, Faults.lawful());
    }

    @Test
    void clustersOnTheRealStoreKeepEveryPromiseAndComeToRest() {
        for (long seed = 1; seed <= 120; seed++) {
            run(life(seed, StoreTarget.EXTENT, true));
        }
    }

    /** The owner once took a write that a disk had refused for one whose answer was still to come, and waited for ever. */
    @Test
    void aWriteThatADiskRefusesIsSentAgain() {
        for (long seed = 1; seed <= 6; seed++) {
            run(plan(seed, StoreTarget.EXTENT, true), Faults.none().set(Fault.DISK_WRITE_ERROR, 1_000));
        }
    }

    /** A write of parts of two blocks once read the second into memory that a repair of the first still had. */
    @Test
    void whatARepairWritesIsNotReadOver() {
        for (long seed = 1; seed <= 12; seed++) {
            run(plan(seed, StoreTarget.EXTENT, true), Faults.none().set(Fault.DISK_READ_ERROR, 450_000));
        }
    }

    /** A page that tells what an extent maps to went bad: no repair of blocks mended it, and no rebuild began. */
    @Test
    void aReplicaThatLostTheMapOfAnExtentRejoins() {
        for (long seed = 1; seed <= 6; seed++) {
            run(plan(seed, StoreTarget.EXTENT, true), Faults.none().set(Fault.DISK_ROT, 100_000));
        }
    }

    /** What the store forgot comes back from the disks; what it took meanwhile, against its contract, excuses few volumes. */
    @Test
    void volumesWhoseStoreWasRolledBackAreRecovered() {
        long rolledBack = 0;
        long recovered = 0;
        long excused = 0;
        for (long seed = 1; seed <= 40; seed++) {
            Faults faults = Faults.none().set(Fault.CONFIG_ROLLED_BACK, 30_000).set(Fault.KILL, 1_000);
            World world = new World(plan(seed, StoreTarget.IN_MEMORY, true), faults, Trace.hashing());
            run(seed, world);
            rolledBack += faults.struck(Fault.CONFIG_ROLLED_BACK);
            recovered += world.rollBacks.recovered();
            excused += world.rollBacks.excused();
        }
        assertThat(rolledBack).as("roll-backs").isGreaterThan(20);
        assertThat(recovered).as("recovered of " + rolledBack).isGreaterThan(rolledBack * 3 / 4);
        assertThat(excused)
                .as("volumes excused by " + rolledBack + " roll-backs")
                .isLessThan(rolledBack / 4);
    }

    /** Writes once waited until a node that had shut down in order was missed. */
    @Test
    void nodesThatShutDownInOrderAreTakenOutBeforeTheyEnd() {
        long letGo = 0;
        long missed = 0;
        for (long seed = 1; seed <= 30; seed++) {
            Faults restarts = Faults.none().set(Fault.CLEAN_RESTART, 4_000);
            World world = new World(plan(seed, StoreTarget.IN_MEMORY, true), restarts, Trace.hashing());
            run(seed, world);
            letGo += world.logged("LetGo");
            missed += world.logged("TakenOut");
        }
        assertThat(letGo).isGreaterThan(20);
        assertThat(missed).isLessThan(letGo / 4);
    }

    /** The administrator once wanted such a volume on four disks, which the engine must refuse it for ever. */
    @Test
    void ofAVolumeWhoseFiveReplicasMustAllBeInSyncNoneIsWantedElsewhere() {
        Shape shape = Shape.of(5, new Shape.OfVolume(300, 5, 5), false);
        for (long seed = 1; seed <= 20; seed++) {
            run(seed, new World(plan(seed, StoreTarget.IN_MEMORY, true), Faults.none(), shape, Trace.hashing()));
        }
    }

    @Test
    void aSeedAlwaysGivesTheSameEvents() {
        for (long seed = 1; seed <= 5; seed++) {
            assertThat(run(seed, StoreTarget.IN_MEMORY, Faults.lawful()).hash())
                    .isEqualTo(run(seed, StoreTarget.IN_MEMORY, Faults.lawful()).hash());
        }
    }

    private static Life life(long seed, StoreTarget target, boolean liveness) {
        Chances faults = Chances.of(Faults.lawful());
        return new Life(seed, false, target, faults, null, LifeLengths.operations(seed), liveness);
    }

    private static void run(Life life) {
        try {
            life.run(Trace.hashing());
        } catch (RuntimeException e) {
            throw new AssertionError("replay: simulate " + life.options() + ": " + e, e);
        }
    }

    private static World.Plan plan(long seed, StoreTarget target, boolean liveness) {
        return new World.Plan(seed, target, Faults.lawful(), Defect.NONE, OPERATIONS, liveness);
    }

    private static void run(World.Plan plan, Faults faults) {
        run(plan.seed(), new World(plan, faults, Trace.hashing()));
    }

    private static void run(long seed, World world) {
        try {
            world.run();
        } catch (RuntimeException e) {
            throw new AssertionError("seed " + seed + ": " + e, e);
        }
    }

    private static SimReport run(long seed, StoreTarget target, Collection<Fault> faults) {
        try {
            World.Plan plan = new World.Plan(seed, target, faults, Defect.NONE, OPERATIONS, false);
            return new World(plan, Trace.hashing()).run();
        } catch (RuntimeException e) {
            throw new AssertionError(
                    "seed " + seed + " (replay: simulate --what cluster --stores memory --mode safety --operations "
                            + OPERATIONS + " --seeds 1 --seed " + seed + "): " + e,
                    e);
        }
    }
}
