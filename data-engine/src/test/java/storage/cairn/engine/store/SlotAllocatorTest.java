package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.sim.SimRandom;

class SlotAllocatorTest {
    private static Layout layout(long blocks) {
        try {
            return Layout.of(blocks);
        } catch (StoreException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void neverHandsOutASlotTwiceAndFindsTheLastFreeOne() {
        for (int seed = 0; seed < 20; seed++) {
            SimRandom random = new SimRandom(seed);
            Layout layout = layout(8_192 + random.below(40_000));
            SlotAllocator allocator = new SlotAllocator(layout);
            BitSet taken = new BitSet();
            List<Long> slots = new ArrayList<>();
            for (int i = 0; i < 20_000; i++) {
                if (random.below(5) < 3) {
                    int want = 1 + random.below(random.below(256) + 1);
                    long first = allocator.allocate(want);
                    if (first < 0) {
                        assertThat(taken.cardinality()).isEqualTo((int) layout.slots());
                        continue;
                    }
                    assertThat(allocator.runLength()).isBetween(1, want);
                    for (long slot = first; slot < first + allocator.runLength(); slot++) {
                        assertThat(layout.isSlot(slot)).isTrue();
                        assertThat(taken.get((int) slot)).isFalse();
                        taken.set((int) slot);
                        slots.add(slot);
                    }
                } else if (!slots.isEmpty()) {
                    int at = random.below(slots.size());
                    long slot = slots.get(at);
                    slots.set(at, slots.getLast());
                    slots.removeLast();
                    taken.clear((int) slot);
                    allocator.releaseOverlay(slot);
                }
                assertThat(allocator.free()).isEqualTo(layout.slots() - taken.cardinality());
            }
        }
    }

    @Test
    void sequentialWritesStaySequentialAndALargeOneIsOneRun() {
        SlotAllocator allocator = new SlotAllocator(layout(100_000));
        long expected = layout(100_000).firstSlot();
        for (int i = 0; i < 50; i++) {
            assertThat(allocator.allocate(256)).isEqualTo(expected);
            assertThat(allocator.runLength()).isEqualTo(256);
            expected += 256;
            assertThat(allocator.allocate(1)).isEqualTo(expected++);
        }
    }

    @Test
    void whatACheckpointGaveUpIsFreeOnlyAfterwards() {
        Layout layout = layout(8_192);
        SlotAllocator allocator = new SlotAllocator(layout);
        long slot = allocator.allocate(1);
        allocator.moveToPages(slot);
        allocator.retire(slot);
        assertThat(allocator.free()).isEqualTo(layout.slots() - 1);
        for (long left = allocator.free(); left > 0; left -= allocator.runLength()) {
            long other = allocator.allocate(256);
            assertThat(slot < other || slot >= other + allocator.runLength()).isTrue();
        }
        allocator.releasePending();
        assertThat(allocator.allocate(2)).isEqualTo(slot);
    }

    @Test
    void givingBackTwiceIsAnError() {
        SlotAllocator allocator = new SlotAllocator(layout(8_192));
        long slot = allocator.allocate(1);
        allocator.releaseOverlay(slot);
        assertThatThrownBy(() -> allocator.releaseOverlay(slot)).isInstanceOf(IllegalStateException.class);
    }
}
