package storage.cairn.client.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import storage.cairn.client.nbd.FakeNode;
import storage.cairn.client.nbd.RecordingListener;

class VerifyingLoadTest {
    private static final int SIZE = 2 << 20;

    @TempDir
    Path folder;

    private final RecordingListener listener = new RecordingListener();

    @ParameterizedTest
    @CsvSource({"4096, 1, 32", "8192, 4, 8", "131072, 2, 4", "4096, 3, 1"})
    void findsNothingWrongWithAVolumeThatIsRight(int ioBytes, int connections, int depth) throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(SIZE);
        LoadSettings settings = LoadSettings.of("vol", 11).withIo(ioBytes, connections, depth);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"));
                VerifyingLoad load = VerifyingLoad.open(List.of(node.uri()), settings, listener)) {
            load.start();
            await().until(() -> load.total().writes() > 1000);
            load.stop();
            assertThat(load.verifyAll((done, all) -> assertThat(done).isLessThanOrEqualTo(all)))
                    .isTrue();
            assertThat(load.violations()).isEmpty();
            LoadFigures total = load.total();
            assertThat(total.reads()).isPositive();
            assertThat(total.writtenBytes()).isEqualTo(total.writes() * ioBytes);
            assertThat(total.writeMicros().getTotalCount()).isEqualTo(total.writes());
            assertThat(load.verifiedBlocks()).isGreaterThanOrEqualTo(SIZE / 4096);
            assertThat(load.writtenBlocks()).isPositive();
            assertThat(load.firstError()).isNull();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = FakeNode.Lie.class,
            names = {"LOSE_WRITE", "MISPLACE_WRITE", "SWAP_READ", "FLIP_BIT", "STALE_READ"})
    void findsWhatALyingVolumeDoes(FakeNode.Lie lie) throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(64 << 10);
        // Few blocks and many reads, so that each write is read before the next one.
        LoadSettings settings = LoadSettings.of("vol", 12).withIo(4096, 1, 2).withMix(30, 0);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"));
                VerifyingLoad load = VerifyingLoad.open(List.of(node.uri()), settings, listener)) {
            load.start();
            await().until(() -> load.total().writes() > 200);
            assertThat(load.violations()).isEmpty();
            // A misplaced write shows twice: its place kept old content, and another place has what is not its own.
            Set<Violation.Kind> expected = switch (lie) {
                case LOSE_WRITE, STALE_READ -> Set.of(Violation.Kind.LOST_WRITE);
                case FLIP_BIT -> Set.of(Violation.Kind.CORRUPT);
                case MISPLACE_WRITE -> Set.of(Violation.Kind.MISPLACED, Violation.Kind.LOST_WRITE);
                case SWAP_READ, NONE, APPLY_AND_FAIL, DROP_AND_FAIL -> Set.of(Violation.Kind.MISPLACED);
            };
            for (int i = 0; i < 500 && load.violationCount() == 0; i++) {
                medium.lieOnce(lie);
                long before = load.total().reads();
                await().until(() -> load.violationCount() > 0 || load.total().reads() > before + 20);
            }
            load.stop();
            assertThat(load.verifyAll((done, all) -> {})).isFalse();
            assertThat(load.violations()).extracting(Violation::kind).containsAnyElementsOf(expected);
        }
    }

    @Test
    void aLostWriteThatNobodyReadsIsFoundInTheFinalPass() throws Exception {
        LoadSettings again = LoadSettings.of("vol", 14).withMix(100, 0);
        FakeNode.Medium other = new FakeNode.Medium(SIZE);
        try (FakeNode node = new FakeNode(other, folder.resolve("b.sock"));
                VerifyingLoad load = VerifyingLoad.open(List.of(node.uri()), again, listener)) {
            load.start();
            await().until(() -> load.total().writes() > 5000);
            load.stop();
            java.util.Arrays.fill(other.bytesForTests(), 40_960, 45_056, (byte) 0);
            assertThat(load.verifyAll((done, all) -> {})).isFalse();
            assertThat(load.violations().getFirst().toString()).startsWith("LOST_WRITE at block 10: expected sequence");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = FakeNode.Lie.class,
            names = {"APPLY_AND_FAIL", "DROP_AND_FAIL"})
    void aFailedWriteMayHaveHappenedOrNot(FakeNode.Lie lie) throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(64 << 10);
        LoadSettings settings = LoadSettings.of("vol", 15).withIo(4096, 1, 2);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"));
                VerifyingLoad load = VerifyingLoad.open(List.of(node.uri()), settings, listener)) {
            load.start();
            for (int i = 0; i < 50; i++) {
                medium.lieOnce(lie);
                long before = load.total().writes();
                await().until(() -> load.total().writes() > before + 20);
            }
            load.stop();
            assertThat(load.verifyAll((done, all) -> {})).isTrue();
            assertThat(load.total().errors()).isPositive();
            assertThat(load.firstError()).contains("input/output error");
        }
    }

    @Test
    void goesOnAtAnotherNodeAndMeasuresTheStall() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(SIZE);
        LoadSettings settings = LoadSettings.of("vol", 16).withIo(4096, 2, 16);
        try (FakeNode first = new FakeNode(medium, folder.resolve("a.sock"));
                FakeNode second = new FakeNode(medium, folder.resolve("b.sock"));
                VerifyingLoad load = VerifyingLoad.open(List.of(first.uri(), second.uri()), settings, listener)) {
            second.refuse("its leases have not run out");
            load.start();
            await().until(() -> load.total().writes() > 1000);
            long resends = load.interval().resends();
            assertThat(resends).isZero();
            first.stop();
            await().until(() -> listener.saw("its leases have not run out"));
            await().pollDelay(300, TimeUnit.MILLISECONDS).until(() -> true);
            second.refuse(null);
            long before = load.total().writes();
            await().until(() -> load.total().writes() > before + 1000);
            LoadFigures figures = load.interval();
            load.stop();
            assertThat(load.verifyAll((done, all) -> {})).isTrue();
            assertThat(figures.longestStallMillis()).isGreaterThan(200L);
            assertThat(figures.longestRequestMillis()).isGreaterThan(200.0);
            assertThat(load.firstError()).isNull();
        }
    }

    @Test
    void keepsToItsRate() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(SIZE);
        LoadSettings settings = LoadSettings.of("vol", 17).withMix(50, 400);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"));
                VerifyingLoad load = VerifyingLoad.open(List.of(node.uri()), settings, listener)) {
            load.start();
            await().until(() -> load.total().reads() + load.total().writes() >= 400);
            LoadFigures total = load.total();
            load.stop();
            assertThat(total.readIops() + total.writeIops()).isLessThan(500.0);
        }
    }

    @Test
    void showsPercentiles() {
        org.HdrHistogram.Histogram histogram = new org.HdrHistogram.Histogram(3);
        assertThat(Percentiles.text(histogram)).isEqualTo("none");
        for (int i = 1; i <= 1000; i++) {
            histogram.recordValue(i);
        }
        histogram.recordValue(2_500_000);
        assertThat(Percentiles.text(histogram))
                .isEqualTo("p50 501 µs, p95 951 µs, p99 991 µs, p99.9 1.0 ms, max 2.5 s");
        assertThat(Percentiles.duration(31_400)).isEqualTo("31 ms");
    }
}
