package storage.cairn.engine.store;

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

/** A block among the changes since the last checkpoint, of which there are so many: one that is there, one that is not. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class LookupBenchmark {
    @Param({"1000", "1000000", "4000000"})
    public int records;

    private final Mappings mappings = new Mappings();
    private final SplittableRandom random = new SplittableRandom(1);

    @Setup(Level.Trial)
    public void fill() {
        for (int block = 0; block < records; block++) {
            mappings.active().put(Overlay.key(1, 2L * block), 300_000L + block, block, block, block);
        }
    }

    @Benchmark
    public long found() {
        return mappings.resolve(1, 2L * random.nextInt(records));
    }

    @Benchmark
    public long notFound() {
        return mappings.resolve(1, 2L * random.nextInt(records) + 1);
    }
}
