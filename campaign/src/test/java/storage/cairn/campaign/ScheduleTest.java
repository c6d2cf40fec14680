package storage.cairn.campaign;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ScheduleTest {
    private static final long ROUND_MILLIS = 36_000;

    private static Schedule draw(long seed, Schedule.Mix mix) {
        return Schedule.draw(seed, new Schedule.Ground(EnumSet.allOf(FaultKind.class), mix, 3, 2, 2), ROUND_MILLIS);
    }

    @Test
    void eachKindStrikesOnceInARoundThatIsToHaveThemAll() {
        for (long seed = 0; seed < 500; seed++) {
            List<FaultKind> drawn = draw(seed, Schedule.Mix.EACH_ONCE).events().stream()
                    .map(Schedule.Event::kind)
                    .sorted()
                    .toList();
            assertThat(drawn).as("seed %d", seed).containsExactly(FaultKind.values());
        }
    }

    @Test
    void noTwoFaultsStrikeProcessesAtOnceInARoundThatIsToHaveThemAll() {
        for (long seed = 0; seed < 500; seed++) {
            List<Schedule.Event> ofProcesses = draw(seed, Schedule.Mix.EACH_ONCE).events().stream()
                    .filter(event -> event.kind().ofProcess())
                    .toList();
            for (int i = 1; i < ofProcesses.size(); i++) {
                Schedule.Event before = ofProcesses.get(i - 1);
                assertThat(ofProcesses.get(i).atMillis())
                        .as("seed %d: %s", seed, ofProcesses)
                        .isGreaterThan(before.atMillis() + before.millis());
            }
        }
    }

    @Test
    void theSameSeedDrawsTheSame() {
        for (Schedule.Mix mix : Schedule.Mix.values()) {
            assertThat(draw(7, mix)).isEqualTo(draw(7, mix)).isNotEqualTo(draw(8, mix));
        }
    }
}
