package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The coincidences that {@link Schedules} play break no promise of the code as it is. */
final class SchedulesSimTest {
    private static final int SEEDS = 6;

    static List<String> names() {
        return Schedules.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void breaksNoPromise(String name) {
        for (long seed = 1; seed <= SEEDS; seed++) {
            try {
                Schedules.play(name, seed);
            } catch (RuntimeException e) {
                throw new AssertionError(name + ", seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }

    /** Why a disk is silent that was not cleanly closed: one that wrongly says so lets two owners serve. */
    @Test
    void aDiskThatIsFalselyCleanBreaksLeases() {
        assertThatThrownBy(() -> LeaseSchedules.restartedReplicaIsSilent(1, Defect.FALSELY_CLEAN))
                .isInstanceOf(Violation.class)
                .hasMessageStartingWith("I5");
    }
}
