package storage.cairn.engine.store;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.function.IntConsumer;

/**
 * How the index grows with the space that is mapped: for each number of GiB a store in which one block of every extent
 * is mapped, so that it has as many pages of the index as if all were. The device keeps what is not zero, in memory,
 * and is done at once: the times are those of the store alone.
 */
public final class MappedSpace {
    private static final int OPERATIONS = 200_000;
    private static final int EXTENTS_PER_GIB = 1_024;
    private static final int DEPTH = 32;

    private MappedSpace() {}

    public static void main(String[] args) {
        System.out.printf(
                "random 4 KiB operations of one store; one block of each extent is mapped; page cache of %d MiB%n",
                StoreSettings.defaults().pageCacheBytes() >> 20);
        System.out.println("GiB mapped  us a read  blocks read  us a write  blocks written"
                + "  checkpoint s  its blocks  heap MiB");
        for (String arg : args) {
            measure(Integer.parseInt(arg));
        }
    }

    private static void measure(int gib) {
        int extents = Math.multiplyExact(gib, EXTENTS_PER_GIB);
        // Two data blocks and two pages for each extent while they are replaced, and what is fixed.
        SparseDevice device = new SparseDevice(6L * extents + (4L << 20));
        MemoryStore store = new MemoryStore(device, extents, Replica.EXTENT_BLOCKS, DEPTH, StoreSettings.defaults());
        store.fill();
        settle(store);
        repeated(store::read);
        long blocks = device.readBlocks();
        double read = repeated(store::read);
        double readBlocks = (device.readBlocks() - blocks) / (double) OPERATIONS;
        repeated(store::write);
        settle(store);
        blocks = device.writtenBlocks();
        double written = repeated(store::write);
        double writtenBlocks = (device.writtenBlocks() - blocks) / (double) OPERATIONS;
        blocks = device.writtenBlocks();
        double checkpoint = cpuMicros(store::checkpoint) / 1e6;
        System.out.printf(
                Locale.ROOT,
                "%,10d  %9.2f  %11.2f  %10.2f  %14.2f  %12.2f  %,10d  %,8d%n",
                gib,
                read,
                readBlocks,
                written,
                writtenBlocks,
                checkpoint,
                device.writtenBlocks() - blocks,
                heapMib() - device.heapBytes() / (1 << 20));
    }

    /** One that was under way already does not hold what came after its cut. */
    private static void settle(MemoryStore store) {
        store.checkpoint();
        store.checkpoint();
    }

    /** Microseconds of CPU for one of {@link #OPERATIONS}. */
    private static double repeated(IntConsumer operations) {
        return cpuMicros(() -> operations.accept(OPERATIONS)) / OPERATIONS;
    }

    private static double cpuMicros(Runnable task) {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long before = system.getProcessCpuTime();
        task.run();
        return (system.getProcessCpuTime() - before) / 1e3;
    }

    private static long heapMib() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return (runtime.totalMemory() - runtime.freeMemory()) >> 20;
    }
}
