package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collection;
import org.junit.jupiter.api.Test;

final class ClusterSimTest {
    private static final int OPERATIONS = 1_000;

    @Test
    void clustersKeepEveryPromiseUnderFaults() {
        for (long seed = 1; seed <= 200; seed++) {
            run(seed, StoreTarget.IN_MEMORY, Faults.lawful());
        }
    }

    /** A resend after a reconnect once gave its ack to an operation that had been taken into use again. */
    @Test
    void aReplicaThatCameBackWithATailIsNotTakenForOneThatAcked() {
        run(3, StoreTarget.IN_MEMORY, Faults.lawful());
    }

    @Test
    void aSeedAlwaysGivesTheSameEvents() {
        for (long seed = 1; seed <= 5; seed++) {
            assertThat(run(seed, StoreTarget.IN_MEMORY, Faults.lawful()).hash())
                    .isEqualTo(run(seed, StoreTarget.IN_MEMORY, Faults.lawful()).hash());
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
