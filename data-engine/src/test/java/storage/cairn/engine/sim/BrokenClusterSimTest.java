package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each world that is built wrong below the code under test is found out within so many seeds. */
final class BrokenClusterSimTest {
    private static final int OPERATIONS = 1_000;

    /** Disks that break their word, under the real store. */
    @ParameterizedTest
    @EnumSource(
            value = Defect.class,
            names = {"EARLY_COMPLETION", "LYING_FLUSH"})
    void aDiskThatBreaksItsWordIsCaught(Defect defect) {
        assertThat(BrokenStoreSimTest.seedsUntilCaught(StoreTarget.EXTENT, defect, 40))
                .as("seeds until " + defect + " is caught")
                .isPositive();
    }

    @ParameterizedTest
    @EnumSource(
            value = Defect.class,
            names = {
                "UNVERIFIED_READ",
                "BLIND_SET",
                "LATE_ACCEPT",
                "FROZEN_CLOCK",
                "EARLY_ACK",
                "DROPPED_WRITE",
                "MISDIRECTED_WRITE",
                "UNHEARD_WISH"
            })
    void aClusterThatIsBuiltWrongIsCaught(Defect defect) {
        assertThat(seedsUntilCaught(defect, 400))
                .as("seeds until " + defect + " is caught")
                .isPositive();
    }

    /** Whatever a stale read made somebody believe, the compare-and-set that follows is refused. */
    @Test
    void staleReadsOfTheConfigurationBreakNoPromise() {
        assertThat(seedsUntilCaught(Defect.STALE_READ, 30)).isNegative();
    }

    private static Faults faults(Defect defect) {
        Faults faults = Faults.none();
        return switch (defect) {
            case UNVERIFIED_READ -> faults.set(Fault.DISK_ROT, 300_000);
            case FROZEN_CLOCK ->
                faults.set(Fault.PAUSE, 10_000).set(Fault.NET_HALF_OPEN, 2_000).set(Fault.NET_PARTITION, 20_000);
            case STALE_READ ->
                faults.set(Fault.CONFIG_APPLIED_LATE, 200_000)
                        .set(Fault.CONFIG_REPLY_LOST, 200_000)
                        .set(Fault.NET_RESET, 1_000)
                        .set(Fault.KILL, 2_000);
            case BLIND_SET -> faults.set(Fault.CONFIG_APPLIED_LATE, 100_000).set(Fault.KILL, 2_000);
            case UNHEARD_WISH -> faults;
            default -> faults.set(Fault.KILL, 2_000);
        };
    }

    /** Number of seeds until a violation, or -1. */
    static int seedsUntilCaught(Defect defect, int most) {
        for (int seed = 1; seed <= most; seed++) {
            try {
                boolean liveness = defect == Defect.UNHEARD_WISH;
                World.Plan plan = new World.Plan(seed, StoreTarget.IN_MEMORY, List.of(), defect, OPERATIONS, liveness);
                new World(plan, faults(defect), Trace.hashing()).run();
            } catch (Violation caught) {
                return seed;
            }
        }
        return -1;
    }
}
