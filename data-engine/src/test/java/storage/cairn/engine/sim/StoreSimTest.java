package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class StoreSimTest {
    @Test
    void theStoreInMemoryObeysItsContract() {
        for (long seed = 1; seed <= 1_000; seed++) {
            run(seed, StoreTarget.IN_MEMORY, Faults.lawful());
        }
    }

    @Test
    void theExtentStoreObeysItsContractThroughCrashes() {
        for (long seed = 1; seed <= 600; seed++) {
            run(seed, StoreTarget.EXTENT, EnumSet.of(Fault.POWER_CUT, Fault.KILL, Fault.DISK_SLOW));
        }
    }

    /** A write whose data could not be written is undone by an ABORT, and the medium loses that: the write is back. */
    @Test
    void aWriteThatWasUndoneMayComeBackFromALyingMedium() {
        Life life = new Life(20_261_095, true, StoreTarget.EXTENT, Chances.of(Faults.lawful()), null, 2_000, true);
        assertThat(life.run(Trace.hashing()).operations()).isGreaterThan(2_000);
    }

    /** A disk that keeps nothing of what it is given was formatted anew for ever. */
    @Test
    @Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aLifeEndsHoweverOftenAFaultStrikes() {
        for (Fault fault : EnumSet.of(
                Fault.DISK_LOST_WRITE,
                Fault.DISK_MISDIRECTED_WRITE,
                Fault.DISK_ROT,
                Fault.DISK_READ_ERROR,
                Fault.DISK_WRITE_ERROR,
                Fault.DISK_FLUSH_ERROR)) {
            Chances always = Chances.parse(fault.label() + "=1000000");
            new Life(1, true, StoreTarget.EXTENT, always, null, 40, true).run(Trace.hashing());
        }
    }

    @Test
    void aSeedAlwaysGivesTheSameEvents() {
        for (long seed = 1; seed <= 20; seed++) {
            assertThat(run(seed, StoreTarget.IN_MEMORY, Faults.lawful()).hash())
                    .isEqualTo(run(seed, StoreTarget.IN_MEMORY, Faults.lawful()).hash());
        }
    }

    private static SimReport run(long seed, StoreTarget target, Set<Fault> faults) {
        Life life = new Life(seed, true, target, Chances.of(faults), null, LifeLengths.operations(seed), true);
        try {
            return life.run(Trace.hashing());
        } catch (RuntimeException e) {
            String names = faults.stream().map(Fault::label).collect(Collectors.joining(","));
            throw new AssertionError("replay: simulate " + life.options() + " --faults " + names + ": " + e, e);
        }
    }
}
