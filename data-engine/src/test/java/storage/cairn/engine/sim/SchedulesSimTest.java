package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import storage.cairn.engine.store.StoreSchedules;

/** The coincidences that {@link Schedules} play break no promise of the code as it is. */
final class SchedulesSimTest {
    private static final int SEEDS = 6;

    static List<String> names() {
        return Schedules.names();
    }

    static List<String> namesOfStore() {
        return StoreSchedules.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void breaksNoPromise(String name) {
        play(name, seed -> Schedules.play(name, seed));
    }

    @ParameterizedTest
    @MethodSource("namesOfStore")
    void breaksNoPromiseOfAStore(String name) {
        play(name, seed -> StoreSchedules.play(name, seed));
    }

    private static void play(String name, LongConsumer schedule) {
        for (long seed = 1; seed <= SEEDS; seed++) {
            try {
                schedule.accept(seed);
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
