package storage.cairn.engine.store;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** One checkpoint: what a number of random 4 KiB writes changed is merged into pages, on a device of memory. */
@State(Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@NullUnmarked // JMH calls the set-up first.
public class CheckpointBenchmark {
    private static final int VOLUME_BLOCKS = 65_536;

    @Param({"1000", "100000"})
    public int changes;

    private MemoryStore store;

    @Setup(Level.Trial)
    public void open() {
        StoreSettings settings = new StoreSettings(1_000_000, 4 << 20, 1_800_000_000_000L, 256, 64);
        store = new MemoryStore(MemoryDevice.flat(6 * VOLUME_BLOCKS), VOLUME_BLOCKS, 1, 32, settings);
        store.fill();
        store.checkpoint();
    }

    @Setup(Level.Invocation)
    public void change() {
        store.write(changes);
    }

    @Benchmark
    public void checkpoint() {
        store.checkpoint();
    }
}
