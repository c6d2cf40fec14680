package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class PaceTest {
    private static final long FLOOR = 64L << 20;
    private static final long CEILING = 512L << 20;
    private static final long STEP_NANOS = 10_000_000;

    private final Pace pace = new Pace(FLOOR, CEILING, 0, 0);
    private long now;
    private long ended;

    /** Lets hosts work for 60 ms with so many operations under way, of which so many end. */
    private void hosts(int underWay, int ending) {
        for (int i = 0; i < 6; i++) {
            now += STEP_NANOS;
            ended += ending / 6;
            pace.look(underWay, ended, now);
        }
    }

    @Test
    void idleHostsLeaveTheWholeRate() {
        hosts(0, 0);
        assertThat(pace.bytesPerSecond()).isEqualTo(CEILING);
    }

    @Test
    void hostsThatAreNotDisturbedLetItQuicken() {
        for (int i = 0; i < 20; i++) {
            hosts(32, 600);
        }
        assertThat(pace.bytesPerSecond()).isEqualTo(CEILING);
    }

    @Test
    void itYieldsWhenHostsWaitLongerAndNeverBelowTheFloor() {
        for (int i = 0; i < 20; i++) {
            hosts(32, 600);
        }
        hosts(32, 240);
        assertThat(pace.bytesPerSecond()).isEqualTo(CEILING / 2);
        for (int i = 0; i < 5; i++) {
            hosts(32, 60);
        }
        assertThat(pace.bytesPerSecond()).isEqualTo(FLOOR);
    }

    @Test
    void aLoadThatStaysSlowerIsWhatItIsComparedWithInTheEnd() {
        hosts(32, 600);
        for (int i = 0; i < 200; i++) {
            hosts(32, 120);
        }
        assertThat(pace.bytesPerSecond()).isEqualTo(CEILING);
    }

    @Test
    void workIsSpreadOverTimeByTheRate() {
        pace.pay(FLOOR / 2, 0);
        assertThat(pace.waitNanos(0)).isEqualTo(500_000_000);
        assertThat(pace.waitNanos(500_000_000)).isZero();
        pace.pay(FLOOR, 900_000_000);
        assertThat(pace.waitNanos(1_000_000_000)).isEqualTo(900_000_000);
    }
}
