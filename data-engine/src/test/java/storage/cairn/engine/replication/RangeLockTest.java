package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class RangeLockTest {
    private final RangeLock lock = new RangeLock();
    private final List<Entry> granted = new ArrayList<>();

    private final class Entry extends RangeLock.Entry {
        final long block;
        final long count;
        final boolean exclusive;
        boolean held;

        Entry(long block, long count, boolean exclusive) {
            this.block = block;
            this.count = count;
            this.exclusive = exclusive;
        }

        @Override
        void locked() {
            assertThat(held).isFalse();
            held = true;
            granted.add(this);
        }

        boolean meets(Entry other) {
            return (exclusive || other.exclusive) && block < other.block + other.count && other.block < block + count;
        }
    }

    private Entry acquire(long block, long count, boolean exclusive) {
        Entry entry = new Entry(block, count, exclusive);
        lock.acquire(entry, block, count, exclusive);
        return entry;
    }

    @Test
    void overlappingWritesFollowEachOther() {
        Entry first = acquire(0, 10, true);
        Entry second = acquire(9, 2, true);
        assertThat(first.held).isTrue();
        assertThat(second.held).isFalse();
        lock.release(first);
        assertThat(second.held).isTrue();
    }

    @Test
    void readsShareARangeAndWaitForAWrite() {
        Entry one = acquire(5, 5, false);
        Entry two = acquire(5, 5, false);
        Entry write = acquire(7, 1, true);
        Entry late = acquire(7, 1, false);
        assertThat(one.held && two.held).isTrue();
        assertThat(write.held || late.held).isFalse();
        lock.release(one);
        lock.release(two);
        assertThat(write.held).isTrue();
        assertThat(late.held).isFalse();
        lock.release(write);
        assertThat(late.held).isTrue();
    }

    @Test
    void whatIsGivenUpWhileItWaitsBlocksNobody() {
        Entry first = acquire(0, 4, true);
        Entry second = acquire(2, 4, true);
        Entry third = acquire(5, 4, true);
        lock.release(second);
        assertThat(third.held).isTrue();
        lock.release(first);
        assertThat(second.held).isFalse();
    }

    @Test
    void aWholeVolumeConflictsWithEveryBlock() {
        Entry all = acquire(0, Long.MAX_VALUE, true);
        Entry last = acquire(Long.MAX_VALUE - 2, 1, false);
        assertThat(last.held).isFalse();
        lock.release(all);
        assertThat(last.held).isTrue();
    }

    @Test
    void misuseIsAProgrammersError() {
        Entry entry = acquire(1, 1, true);
        assertThatThrownBy(() -> lock.acquire(entry, 1, 1, true)).isInstanceOf(IllegalStateException.class);
        lock.release(entry);
        assertThatThrownBy(() -> lock.release(entry)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> acquire(-1, 1, true)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void byChanceNothingOverlapsAndNothingStarves() {
        for (long seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            // Within one extent, and over several.
            int unit = seed % 2 == 0 ? 1 : 97;
            List<Entry> live = new ArrayList<>();
            for (int step = 0; step < 300; step++) {
                if (live.size() < 30 && random.nextBoolean()) {
                    live.add(acquire(random.nextInt(40) * unit, 1 + random.nextInt(10) * unit, random.nextInt(3) > 0));
                } else if (!live.isEmpty()) {
                    lock.release(live.remove(random.nextInt(live.size())));
                }
                check(live, seed);
            }
            live.forEach(lock::release);
            assertThat(lock.size()).isZero();
        }
    }

    /** Held is exactly what meets no earlier one. */
    private void check(List<Entry> live, long seed) {
        for (int i = 0; i < live.size(); i++) {
            Entry entry = live.get(i);
            boolean free = live.subList(0, i).stream().noneMatch(entry::meets);
            assertThat(entry.held).as("seed %d", seed).isEqualTo(free);
        }
    }
}
