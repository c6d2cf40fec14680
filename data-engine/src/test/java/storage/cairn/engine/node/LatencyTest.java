package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.HdrHistogram.SingleWriterRecorder;
import org.junit.jupiter.api.Test;

final class LatencyTest {
    private static final long MINUTE_NANOS = 60_000_000_001L;
    private static final int MEDIAN = 0;
    private static final int MOST = Latency.QUANTILES.length - 1;

    private final SingleWriterRecorder recorder = new SingleWriterRecorder(10_000_000, 2);
    private final Latency latency = new Latency(recorder);

    @Test
    void nothingRecordedIsNoLatency() {
        assertThat(latency.seconds(0)).isEmpty();
    }

    @Test
    void percentilesCoverAllIntervalsOfTheWindowAndTheOneBefore() {
        for (int i = 0; i < 99; i++) {
            recorder.recordValue(1_000);
        }
        assertThat(latency.seconds(1)).isNotEmpty();
        recorder.recordValue(500_000);
        double[] seconds = latency.seconds(2);
        assertThat(seconds[MEDIAN]).isCloseTo(0.001, within(0.0001));
        assertThat(seconds[MOST]).isCloseTo(0.5, within(0.01));
        assertThat(latency.seconds(2 + MINUTE_NANOS)[MOST]).isCloseTo(0.5, within(0.01));
        assertThat(latency.seconds(3 + 2 * MINUTE_NANOS)).isEmpty();
    }
}
