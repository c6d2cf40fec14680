package storage.cairn.engine.kube;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class DiskReportTest {
    private static DiskReport report(long usedBytes, int replicas) {
        DiskReport.Space space = new DiskReport.Space(1_000, 1_000, usedBytes);
        return new DiskReport(
                "d", "Ready", "", "/dev/d", "boot", space, "ssd", "", "", "writeThrough", "io_uring", replicas, 0);
    }

    @Test
    void littleMoreOrLessOfItsSpaceMayWait() {
        assertThat(report(500, 3).sameButFigures(report(520, 4))).isTrue();
    }

    @Test
    void thatItFillsOrWasEmptiedMayNot() {
        assertThat(report(500, 3).sameButFigures(report(550, 3))).isFalse();
        assertThat(report(20, 3).sameButFigures(report(900, 3))).isFalse();
        assertThat(report(0, 0).sameButFigures(report(0, 1))).isFalse();
    }
}
