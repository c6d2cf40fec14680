package storage.cairn.engine.replication;

import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The oldest of so many held ranges is released and another taken; random single blocks of a GiB. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class RangeLockBenchmark {
    private static final int BLOCKS = 262_144;

    @Param({"1", "32", "256"})
    public int held;

    private final RangeLock lock = new RangeLock();
    private final SplittableRandom random = new SplittableRandom(1);
    private Range[] ranges = {};
    private int oldest;

    private static final class Range extends RangeLock.Entry {
        @Override
        void locked() {}
    }

    @Setup(Level.Trial)
    public void take() {
        ranges = new Range[held];
        for (int i = 0; i < held; i++) {
            ranges[i] = new Range();
            lock.acquire(ranges[i], random.nextInt(BLOCKS), 1, true);
        }
    }

    @Benchmark
    public void releaseAndAcquire() {
        Range range = ranges[oldest];
        oldest = (oldest + 1) % held;
        lock.release(range);
        lock.acquire(range, random.nextInt(BLOCKS), 1, true);
    }
}
