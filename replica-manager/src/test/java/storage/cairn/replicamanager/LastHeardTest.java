package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Whose Lease changes lives, whatever the clocks of the machines say. */
final class LastHeardTest {
    private static final Duration SILENCE = Duration.ofSeconds(40);
    private static final Instant NOON = Instant.parse("2026-06-01T12:00:00Z");

    private final LastHeard lastHeard = new LastHeard(SILENCE);

    private static long nanos(long seconds) {
        return Duration.ofSeconds(seconds).toNanos();
    }

    /** What is known after so many seconds of leases that were renewed at these moments. */
    private Map<String, Instant> look(long seconds, Instant now, Map<String, Instant> renewed) {
        return lastHeard.look(renewed, now, nanos(seconds));
    }

    @Test
    void anEngineWhoseClockIsWrongLivesAsLongAsItRenews() {
        for (Duration wrong : new Duration[] {Duration.ofHours(-1), Duration.ofHours(1)}) {
            for (long second = 0; second <= 120; second += 10) {
                Instant now = NOON.plusSeconds(second);
                assertThat(look(second, now, Map.of("n1", now.plus(wrong)))).containsEntry("n1", now);
            }
        }
    }

    @Test
    void whenTheClockHereJumpsNobodyIsSilent() {
        look(0, NOON, Map.of("n1", NOON));
        look(10, NOON.plusSeconds(10), Map.of("n1", NOON.plusSeconds(10)));
        Instant jumped = NOON.plus(Duration.ofDays(2));
        assertThat(look(15, jumped, Map.of("n1", NOON.plusSeconds(10)))).containsEntry("n1", jumped.minusSeconds(5));
    }

    @Test
    void oneThatIsSilentHasBeenSoSinceItsLeaseSays() {
        Instant longAgo = NOON.minus(Duration.ofMinutes(9));
        for (long second = 0; second <= 40; second += 10) {
            Instant now = NOON.plusSeconds(second);
            assertThat(look(second, now, Map.of("n1", longAgo, "n2", now)))
                    .as("it has not been watched for long enough")
                    .containsEntry("n1", NOON);
        }
        assertThat(look(50, NOON.plusSeconds(50), Map.of("n1", longAgo, "n2", NOON.plusSeconds(50))))
                .containsEntry("n1", longAgo);
    }

    /** Else the first one that is heard again would get the replicas of all the others. */
    @Test
    void afterNothingWasHeardAtAllEverybodyHasAsLongOnceMore() {
        look(0, NOON, Map.of("n1", NOON, "n2", NOON));
        Instant later = NOON.plusSeconds(900);
        assertThat(look(900, later, Map.of("n1", NOON, "n2", NOON))).containsEntry("n2", NOON);
        assertThat(look(905, later.plusSeconds(5), Map.of("n1", later.plusSeconds(4), "n2", NOON)))
                .containsEntry("n1", later.plusSeconds(5))
                .containsEntry("n2", later.plusSeconds(5));
        look(930, later.plusSeconds(30), Map.of("n1", later.plusSeconds(29), "n2", NOON));
        assertThat(look(950, later.plusSeconds(50), Map.of("n1", later.plusSeconds(49), "n2", NOON)))
                .containsEntry("n2", NOON);
    }

    @Test
    void whoHasNoLeaseWasNeverHeardOf() {
        look(0, NOON, Map.of("n1", NOON));
        assertThat(look(1, NOON.plusSeconds(1), Map.of())).isEmpty();
    }
}
