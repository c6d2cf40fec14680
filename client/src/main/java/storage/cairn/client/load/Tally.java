package storage.cairn.client.load;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;

/** Counts what all connections of a load do. For any thread. */
final class Tally {
    static final int MAX_VIOLATIONS_KEPT = 100;

    private static final long HIGHEST_MICROS = 3_600_000_000L;

    private final LongAdder reads = new LongAdder();
    private final LongAdder writes = new LongAdder();
    private final LongAdder readBytes = new LongAdder();
    private final LongAdder writtenBytes = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final LongAdder resends = new LongAdder();
    private final LongAdder verifiedBlocks = new LongAdder();
    private final Recorder readMicros = new Recorder(HIGHEST_MICROS, 3);
    private final Recorder writeMicros = new Recorder(HIGHEST_MICROS, 3);
    private final Histogram allReadMicros = new Histogram(HIGHEST_MICROS, 3);
    private final Histogram allWriteMicros = new Histogram(HIGHEST_MICROS, 3);
    private final Histogram intervalReadMicros = new Histogram(HIGHEST_MICROS, 3);
    private final Histogram intervalWriteMicros = new Histogram(HIGHEST_MICROS, 3);
    private final List<Violation> violations = new ArrayList<>();
    private long violationCount;
    private @Nullable String firstError;
    private int writesUnderWay;
    private long quietSinceNanos;
    private long stallNanos;
    private long intervalStallNanos;
    private final long startNanos = System.nanoTime();
    private long endNanos;
    private long intervalStartNanos = startNanos;
    private long[] last = new long[6];

    void read(int bytes, long nanos, int sentAgain) {
        reads.increment();
        readBytes.add(bytes);
        resends.add(sentAgain);
        readMicros.recordValue(micros(nanos));
    }

    void written(int bytes, long nanos, int sentAgain) {
        writes.increment();
        writtenBytes.add(bytes);
        resends.add(sentAgain);
        writeMicros.recordValue(micros(nanos));
    }

    private static long micros(long nanos) {
        return Math.clamp(nanos / 1000, 0, HIGHEST_MICROS);
    }

    void verified(long blocks) {
        verifiedBlocks.add(blocks);
    }

    long verifiedBlocks() {
        return verifiedBlocks.sum();
    }

    synchronized void error(String what) {
        errors.increment();
        if (firstError == null) {
            firstError = what;
        }
    }

    synchronized @Nullable String firstError() {
        return firstError;
    }

    synchronized void violation(Violation violation) {
        violationCount++;
        if (violations.size() < MAX_VIOLATIONS_KEPT) {
            violations.add(violation);
        }
    }

    synchronized long violationCount() {
        return violationCount;
    }

    synchronized List<Violation> violations() {
        return List.copyOf(violations);
    }

    synchronized void writeBegins() {
        if (writesUnderWay++ == 0) {
            quietSinceNanos = System.nanoTime();
        }
    }

    /** A write ended; only an ack ends a stall. */
    synchronized void writeEnds(boolean acked) {
        long now = System.nanoTime();
        noteStall(now);
        if (acked) {
            quietSinceNanos = now;
        }
        writesUnderWay--;
    }

    private void noteStall(long now) {
        if (writesUnderWay > 0) {
            stallNanos = Math.max(stallNanos, now - quietSinceNanos);
            intervalStallNanos = Math.max(intervalStallNanos, now - quietSinceNanos);
        }
    }

    synchronized void ended() {
        endNanos = System.nanoTime();
    }

    /** What happened since the last call. */
    synchronized LoadFigures interval() {
        long now = System.nanoTime();
        noteStall(now);
        collect();
        long[] sums = sums();
        LoadFigures figures = new LoadFigures(
                Math.max(1, now - intervalStartNanos) / 1e9,
                sums[0] - last[0],
                sums[1] - last[1],
                sums[2] - last[2],
                sums[3] - last[3],
                sums[4] - last[4],
                sums[5] - last[5],
                intervalReadMicros.copy(),
                intervalWriteMicros.copy(),
                intervalStallNanos / 1_000_000);
        last = sums;
        intervalStartNanos = now;
        intervalStallNanos = 0;
        intervalReadMicros.reset();
        intervalWriteMicros.reset();
        return figures;
    }

    /** Moves what was recorded into the histograms of the interval and of the whole. */
    private void collect() {
        Histogram read = readMicros.getIntervalHistogram();
        Histogram write = writeMicros.getIntervalHistogram();
        allReadMicros.add(read);
        allWriteMicros.add(write);
        intervalReadMicros.add(read);
        intervalWriteMicros.add(write);
    }

    /** What happened since the start. */
    synchronized LoadFigures total() {
        long now = endNanos != 0 ? endNanos : System.nanoTime();
        noteStall(now);
        collect();
        long[] sums = sums();
        return new LoadFigures(
                Math.max(1, now - startNanos) / 1e9,
                sums[0],
                sums[1],
                sums[2],
                sums[3],
                sums[4],
                sums[5],
                allReadMicros.copy(),
                allWriteMicros.copy(),
                stallNanos / 1_000_000);
    }

    private long[] sums() {
        return new long[] {reads.sum(), writes.sum(), readBytes.sum(), writtenBytes.sum(), errors.sum(), resends.sum()};
    }
}
