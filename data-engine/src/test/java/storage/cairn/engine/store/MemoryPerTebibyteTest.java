package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/**
 * What the maps of a disk's slots cost, at 1/16 of a TiB. All else that grows with a disk is bounded by its settings:
 * extent and index pages by the page cache, changes since the last checkpoint by the overlay's memory.
 */
final class MemoryPerTebibyteTest {
    private static final long BLOCKS = (64L << 30) / 4096;
    private static final int PARTS_OF_A_TEBIBYTE = 16;
    private static final long MIB = 1 << 20;
    /** One bit for each 4 KiB: 32 MiB for a TiB, and a little for the tables of chunks. */
    private static final double ONE_MAP = 33.5;

    private final ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private double mibPerTebibyte(Runnable action) {
        long before = thread.getCurrentThreadAllocatedBytes();
        action.run();
        return (double) (thread.getCurrentThreadAllocatedBytes() - before) * PARTS_OF_A_TEBIBYTE / MIB;
    }

    @Test
    void aFullDiskCostsOneBitForEachSlotAndScatteredChangesTwoMore() throws StoreException {
        Layout layout = Layout.of(BLOCKS);
        SlotAllocator[] made = new SlotAllocator[1];
        double empty = mibPerTebibyte(() -> made[0] = new SlotAllocator(layout));
        SlotAllocator slots = made[0];

        double written = mibPerTebibyte(() -> {
            while (slots.free() > 0) {
                if (slots.allocate(256) < 0) {
                    throw new AssertionError("nothing is free, but " + slots.free() + " slots are");
                }
            }
        });
        double checkpointed = mibPerTebibyte(() -> {
            for (long slot = layout.firstSlot(); slot < layout.firstSlot() + layout.slots(); slot++) {
                slots.moveToPages(slot);
            }
        });
        double scattered = mibPerTebibyte(() -> {
            // The worst case: overwrites in every chunk, whose old slots wait for the end of a checkpoint.
            for (long slot = layout.firstSlot(); slot < layout.firstSlot() + layout.slots(); slot += 128) {
                slots.retire(slot);
            }
        });

        assertThat(empty).isLessThan(1);
        assertThat(written).isBetween(30.0, ONE_MAP);
        // Its chunks take the place of those of the overlay's map, which are garbage one by one.
        assertThat(checkpointed).isBetween(30.0, ONE_MAP);
        assertThat(scattered).isLessThan(ONE_MAP);
    }
}
