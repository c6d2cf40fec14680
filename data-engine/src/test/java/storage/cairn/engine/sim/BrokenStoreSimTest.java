package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each store that is built wrong is found out within so many seeds. */
final class BrokenStoreSimTest {
    private static final int OPERATIONS = 1_000;

    @ParameterizedTest
    @EnumSource(
            value = Defect.class,
            names = {
                "EARLY_ACK",
                "DROPPED_WRITE",
                "FORGOTTEN_TAIL",
                "FORGOTTEN_EPOCH",
                "STALE_EPOCH_TAKEN",
                "RESEND_OVERWRITES",
                "DISCARD_NOT_COUNTED",
                "TORN_WRITE"
            })
    void isCaught(Defect defect) {
        assertThat(seedsUntilCaught(StoreTarget.IN_MEMORY, defect, 60))
                .as("seeds until " + defect + " is caught")
                .isPositive();
    }

    /** Number of seeds until a violation, or -1. */
    static int seedsUntilCaught(StoreTarget target, Defect defect, int most) {
        EnumSet<Fault> crashes = EnumSet.of(Fault.POWER_CUT, Fault.KILL, Fault.DISK_SLOW);
        for (int seed = 1; seed <= most; seed++) {
            try {
                new StoreSim(seed, target, Chances.of(crashes), defect, OPERATIONS, Trace.hashing()).run();
            } catch (Violation caught) {
                return seed;
            }
        }
        return -1;
    }
}
