package storage.cairn.engine.store;

import java.util.SplittableRandom;
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

/** One slot taken, and another one freed at random, on a disk of 64 GiB that is so full. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@NullUnmarked // JMH calls the set-up first.
public class AllocatorBenchmark {
    private static final long BLOCKS = (64L << 30) / 4096;

    @Param({"10", "90", "99"})
    public int percentFull;

    private final SplittableRandom random = new SplittableRandom(1);
    private SlotAllocator slots;
    private long[] taken;
    private int count;

    @Setup(Level.Trial)
    public void fill() throws StoreException {
        Layout layout = Layout.of(BLOCKS);
        slots = new SlotAllocator(layout);
        taken = new long[(int) layout.slots()];
        while (slots.free() > 0) {
            taken[count++] = slots.allocate(1);
        }
        // Holes all over, as random overwrites leave them.
        int keep = (int) (layout.slots() * percentFull / 100);
        while (count > keep) {
            free();
        }
    }

    private void free() {
        int i = random.nextInt(count);
        slots.releaseOverlay(taken[i]);
        taken[i] = taken[--count];
    }

    @Benchmark
    public void takeAndFree() {
        taken[count++] = slots.allocate(1);
        free();
    }
}
