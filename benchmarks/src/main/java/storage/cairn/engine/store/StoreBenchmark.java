package storage.cairn.engine.store;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * A whole store on a device of memory: 4 KiB writes (allocation, journal record, group commit, publication; checkpoints
 * as they come) and reads (lookup and the device's copy).
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@NullUnmarked // JMH calls the set-up first.
public class StoreBenchmark {
    private static final int OPERATIONS = 1_024;
    private static final int VOLUME_BLOCKS = 65_536;

    @Param({"1", "32"})
    public int depth;

    private MemoryStore store;

    @Setup(Level.Trial)
    public void open() {
        StoreSettings settings = new StoreSettings(200_000, 4 << 20, 1_800_000_000_000L, 256, 64);
        store = new MemoryStore(MemoryDevice.flat(4 * VOLUME_BLOCKS), VOLUME_BLOCKS, 1, depth, settings);
        store.fill();
    }

    @Benchmark
    @OperationsPerInvocation(OPERATIONS)
    public void write() {
        store.write(OPERATIONS);
    }

    @Benchmark
    @OperationsPerInvocation(OPERATIONS)
    public void read() {
        store.read(OPERATIONS);
    }
}
