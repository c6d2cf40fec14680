package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class StoreSimTest {
    @Test
    void theStoreInMemoryObeysItsContract() {
        for (long seed = 0; seed < 300; seed++) {
            run(seed, StoreTarget.IN_MEMORY);
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
        try {
            return new StoreSim(seed, target, Faults.lawful(), 1000, Trace.hashing()).run();
        } catch (RuntimeException e) {
            throw new AssertionError("seed " + seed + ": " + e, e);
        }
    }
}
