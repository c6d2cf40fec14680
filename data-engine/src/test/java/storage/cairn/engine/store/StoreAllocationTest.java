package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The steady path makes next to no garbage, checkpoints included, and few journal blocks at depth. */
class StoreAllocationTest {
    private static final int OPERATIONS = 100_000;
    private static final StoreSettings SETTINGS = new StoreSettings(50_000, 4 << 20, 1_800_000_000_000L, 256, 64);

    private final MemoryDevice device = MemoryDevice.flat(65_536);
    private final MemoryStore store = new MemoryStore(device, 16_384, 1, 32, SETTINGS);

    @Test
    void writesAndReadsAllocateNextToNothing() {
        double allocated = 0;
        double written = 0;
        for (int round = 0; round < 4; round++) {
            long blocksBefore = device.writtenBlocks();
            allocated = bytesEach(() -> store.write(OPERATIONS));
            written = (device.writtenBlocks() - blocksBefore) / (double) OPERATIONS;
        }
        System.out.printf("store: %.1f B for a write%n", allocated);
        assertThat(allocated).as("bytes allocated for a write").isLessThan(8);
        assertThat(written).as("blocks written for a block").isLessThan(1.1);
        for (int round = 0; round < 3; round++) {
            allocated = bytesEach(() -> store.read(OPERATIONS));
        }
        System.out.printf("store: %.1f B for a read%n", allocated);
        assertThat(allocated).as("bytes allocated for a read").isLessThan(4);
    }

    private static double bytesEach(Runnable operations) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        operations.run();
        return (threads.getCurrentThreadAllocatedBytes() - before) / (double) OPERATIONS;
    }
}
