package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class StoreSimTest {
    @Test
    void theStoreInMemoryObeysItsContract() {
        for (long seed = 0; seed < 300; seed++) {
            run(seed, StoreTarget.IN_MEMORY);
        }
    }

    @Test
    void theExtentStoreObeysItsContractThroughCrashes() {
        for (long seed = 1; seed <= 60; seed++) {
            run(seed, StoreTarget.EXTENT, EnumSet.of(Fault.POWER_CUT, Fault.KILL, Fault.DISK_SLOW));
        }
    }

    @Test
    void aSeedAlwaysGivesTheSameEvents() {
        for (long seed = 0; seed < 20; seed++) {
            assertThat(run(seed, StoreTarget.IN_MEMORY).hash())
                    .isEqualTo(run(seed, StoreTarget.IN_MEMORY).hash());
        }
    }

    private static SimReport run(long seed, StoreTarget target) {
        return run(seed, target, Faults.lawful());
    }

    private static SimReport run(long seed, StoreTarget target, Set<Fault> faults) {
        try {
            return new StoreSim(seed, target, faults, 1000, Trace.hashing()).run();
        } catch (RuntimeException e) {
            throw new AssertionError("seed " + seed + ": " + e, e);
        }
    }
}
