package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

final class LastHeardTest {
    private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");
    private final LastHeard heard = new LastHeard(40_000);

    @Test
    void oneThatIsSeenToChangeIsAliveHoweverWrongItsClockIs() {
        heard.seen("n", NOW.minusSeconds(3_600), 0);
        assertThat(heard.isAlive("n", 0, NOW)).as("its time was long ago").isFalse();
        heard.seen("n", NOW.minusSeconds(3_590), 10_000);
        assertThat(heard.isAlive("n", 10_000, NOW)).isTrue();
        assertThat(heard.isAlive("n", 50_000, NOW)).isTrue();
        assertThat(heard.isAlive("n", 50_001, NOW)).isFalse();
    }

    @Test
    void oneThatWasJustReadIsBelievedIfItsTimeIsNear() {
        heard.seen("near", NOW.minusSeconds(30), 0);
        heard.seen("far", NOW.plusSeconds(3_600), 0);
        assertThat(heard.isAlive("near", 0, NOW)).isTrue();
        assertThat(heard.isAlive("far", 0, NOW)).as("ahead by an hour").isFalse();
        // The same again is no sign of life.
        heard.seen("near", NOW.minusSeconds(30), 39_000);
        assertThat(heard.isAlive("near", 41_000, NOW.plusSeconds(41))).isFalse();
    }

    @Test
    void oneThatIsGoneIsNotAlive() {
        heard.seen("n", NOW, 0);
        heard.gone("n");
        assertThat(heard.isAlive("n", 0, NOW)).isFalse();
        assertThat(heard.isAlive("never", 0, NOW)).isFalse();
    }
}
