package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Status;

/** A checkpoint is a few long writes, also where the free slots that come next lie one by one. */
class CheckpointWritesTest {
    private static final int BLOCKS = 8_192;

    private final OneDisk one = new OneDisk(16_384, BLOCKS, true);

    @Test
    void pagesAreWrittenTogetherBetweenSingleFreeSlots() {
        for (int i = 0; i < BLOCKS; i++) {
            write(i);
        }
        for (int round = 0; round < 2; round++) {
            one.checkpoint();
            for (int i = 1; i < BLOCKS; i += 2) {
                write(i);
            }
        }
        one.checkpoint();
        for (int i = 0; i < BLOCKS; i += Replica.EXTENT_BLOCKS) {
            write(i);
        }
        long before = one.store().metrics().checkpointBytes();
        int[] writes = {0};
        one.refuseWrites = block -> {
            writes[0]++;
            return false;
        };
        one.checkpoint();
        long pages = (one.store().metrics().checkpointBytes() - before) / Mem.PAGE;
        assertThat(pages).isGreaterThan(BLOCKS / Replica.EXTENT_BLOCKS);
        assertThat(writes[0]).isLessThan((int) pages / 2);
        one.store().invariants();
        one.kill();
        one.open();
        assertThat(one.read(BLOCKS - 1)).isEqualTo(BLOCKS - 1);
        one.store().invariants();
    }

    private void write(int block) {
        assertThat(one.write(block, 1, block)).isEqualTo(Status.OK);
    }
}
