package storage.cairn.engine.node;

import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;
import org.jspecify.annotations.Nullable;

/**
 * Latency percentiles of about the last minute, gathered from the intervals of a recorder. Used by one thread; the
 * recorder is written by another, without waiting for this one.
 */
final class Latency {
    static final double[] QUANTILES = {0.5, 0.9, 0.99, 0.999, 1};
    private static final long WINDOW_NANOS = 60_000_000_000L;
    private static final double PERCENT = 100;
    private static final double MICROS_PER_SECOND = 1e6;

    private final SingleWriterRecorder recorder;
    private @Nullable Histogram recycled;
    private @Nullable Histogram current;
    private @Nullable Histogram previous;
    private long startedNanos;

    Latency(SingleWriterRecorder recorder) {
        this.recorder = recorder;
    }

    /** Seconds for each of {@link #QUANTILES}; none when nothing happened. */
    double[] seconds(long nowNanos) {
        Histogram taken = recycled == null ? recorder.getIntervalHistogram() : recorder.getIntervalHistogram(recycled);
        recycled = taken;
        if (current == null || nowNanos - startedNanos > WINDOW_NANOS) {
            previous = current;
            current = null;
            startedNanos = nowNanos;
        }
        if (taken.getTotalCount() > 0) {
            if (current == null) {
                current = taken.copy();
            } else {
                current.add(taken);
            }
        }
        Histogram all = union();
        if (all == null) {
            return new double[0];
        }
        double[] seconds = new double[QUANTILES.length];
        for (int i = 0; i < seconds.length; i++) {
            seconds[i] = all.getValueAtPercentile(QUANTILES[i] * PERCENT) / MICROS_PER_SECOND;
        }
        return seconds;
    }

    private @Nullable Histogram union() {
        if (current == null || previous == null) {
            return current == null ? previous : current;
        }
        Histogram all = current.copy();
        all.add(previous);
        return all;
    }
}
