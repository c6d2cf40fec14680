package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.store.Replica;

/**
 * Keeps operations on overlapping block ranges apart, in the order of their arrival: an entry is granted once no
 * earlier entry conflicts with it. Two shared entries never conflict. Entries are the requests themselves, so that
 * locking allocates nothing.
 *
 * <p>An entry of at most two extents is compared with those in the same buckets of extents, and with the wide ones; a
 * wide one with all. A pair that shares both of its buckets counts twice, when it blocks and when it is freed.
 */
final class RangeLock {
    private static final int BUCKETS = 64;
    private static final int WIDE = BUCKETS;
    private static final int NONE = -1;
    private static final Comparator<Entry> BY_ARRIVAL = Comparator.comparingLong((Entry entry) -> entry.arrival);

    private @Nullable Entry first;
    private @Nullable Entry last;
    private final @Nullable Entry[] heads = new Entry[BUCKETS + 1];
    private final @Nullable Entry[] tails = new Entry[BUCKETS + 1];
    private int size;
    private long arrivals;
    private final ArrayList<Entry> freed = new ArrayList<>();
    private final ArrayDeque<Entry> granted = new ArrayDeque<>();
    private boolean granting;

    /** A request that holds or awaits a range. */
    abstract static class Entry {
        private @Nullable Entry previous;
        private @Nullable Entry next;
        /** Neighbours in the bucket of its first extent, or among the wide. */
        private @Nullable Entry before;

        private @Nullable Entry after;
        /** Neighbours in the bucket of its second extent. */
        private @Nullable Entry secondBefore;

        private @Nullable Entry secondAfter;
        private int bucket;
        private int secondBucket;
        private long from;
        private long to;
        private long arrival;
        private boolean exclusive;
        private boolean linked;
        private int blockers;

        /** Called once, when the range is held; inside {@link #acquire} or the {@link #release} of another. */
        abstract void locked();

        /** Whether it waits for earlier entries. */
        final boolean waits() {
            return linked && blockers > 0;
        }

        final boolean linked() {
            return linked;
        }

        final @Nullable Entry next() {
            return next;
        }

        private boolean conflicts(Entry other) {
            return (exclusive || other.exclusive) && from < other.to && other.from < to;
        }

        private @Nullable Entry after(int in) {
            return in == bucket ? after : secondAfter;
        }

        private @Nullable Entry before(int in) {
            return in == bucket ? before : secondBefore;
        }

        private void after(int in, @Nullable Entry neighbour) {
            if (in == bucket) {
                after = neighbour;
            } else {
                secondAfter = neighbour;
            }
        }

        private void before(int in, @Nullable Entry neighbour) {
            if (in == bucket) {
                before = neighbour;
            } else {
                secondBefore = neighbour;
            }
        }
    }

    void acquire(Entry entry, long block, long count, boolean exclusive) {
        if (entry.linked || block < 0 || count < 1) {
            throw new IllegalStateException("range lock misused: block " + block + ", count " + count);
        }
        entry.from = block;
        entry.to = count > Long.MAX_VALUE - block ? Long.MAX_VALUE : block + count;
        entry.exclusive = exclusive;
        entry.arrival = ++arrivals;
        long firstExtent = entry.from / Replica.EXTENT_BLOCKS;
        long lastExtent = (entry.to - 1) / Replica.EXTENT_BLOCKS;
        boolean wide = lastExtent - firstExtent > 1;
        entry.bucket = wide ? WIDE : (int) (firstExtent % BUCKETS);
        entry.secondBucket = wide || firstExtent == lastExtent ? NONE : (int) (lastExtent % BUCKETS);
        entry.blockers = wide ? blockersAmongAll(entry) : blockersOf(entry);
        entry.linked = true;
        entry.previous = last;
        entry.next = null;
        if (last == null) {
            first = entry;
        } else {
            last.next = entry;
        }
        last = entry;
        enter(entry, entry.bucket);
        enter(entry, entry.secondBucket);
        size++;
        if (entry.blockers == 0) {
            entry.locked();
        }
    }

    private int blockersAmongAll(Entry entry) {
        int blockers = 0;
        for (Entry earlier = last; earlier != null; earlier = earlier.previous) {
            blockers += entry.conflicts(earlier) ? 1 : 0;
        }
        return blockers;
    }

    private int blockersOf(Entry entry) {
        return blockersIn(entry.bucket, entry) + blockersIn(entry.secondBucket, entry) + blockersIn(WIDE, entry);
    }

    private int blockersIn(int bucket, Entry entry) {
        int blockers = 0;
        for (Entry earlier = bucket == NONE ? null : heads[bucket]; earlier != null; earlier = earlier.after(bucket)) {
            blockers += entry.conflicts(earlier) ? 1 : 0;
        }
        return blockers;
    }

    private void enter(Entry entry, int bucket) {
        if (bucket == NONE) {
            return;
        }
        Entry before = tails[bucket];
        entry.before(bucket, before);
        entry.after(bucket, null);
        if (before == null) {
            heads[bucket] = entry;
        } else {
            before.after(bucket, entry);
        }
        tails[bucket] = entry;
    }

    private void leave(Entry entry, int bucket) {
        if (bucket == NONE) {
            return;
        }
        Entry before = entry.before(bucket);
        Entry after = entry.after(bucket);
        if (before == null) {
            heads[bucket] = after;
        } else {
            before.after(bucket, after);
        }
        if (after == null) {
            tails[bucket] = before;
        } else {
            after.before(bucket, before);
        }
        entry.before(bucket, null);
        entry.after(bucket, null);
    }

    /** Gives a range back, or up while it is still awaited. */
    void release(Entry entry) {
        if (!entry.linked) {
            throw new IllegalStateException("release of a range that is not locked");
        }
        entry.linked = false;
        if (entry.bucket == WIDE) {
            for (Entry later = entry.next; later != null; later = later.next) {
                free(later, entry);
            }
        } else {
            freeLater(entry.bucket, entry);
            freeLater(entry.secondBucket, entry);
            for (Entry wide = heads[WIDE]; wide != null; wide = wide.after) {
                if (wide.arrival > entry.arrival) {
                    free(wide, entry);
                }
            }
        }
        unlink(entry);
        leave(entry, entry.bucket);
        leave(entry, entry.secondBucket);
        size--;
        if (!freed.isEmpty()) {
            // As they arrived, however they were found.
            freed.sort(BY_ARRIVAL);
            granted.addAll(freed);
            freed.clear();
        }
        grant();
    }

    private void freeLater(int bucket, Entry entry) {
        for (Entry later = bucket == NONE ? null : entry.after(bucket); later != null; later = later.after(bucket)) {
            free(later, entry);
        }
    }

    private void free(Entry later, Entry released) {
        if (later.conflicts(released) && --later.blockers == 0) {
            freed.add(later);
        }
    }

    private void unlink(Entry entry) {
        Entry previous = entry.previous;
        Entry next = entry.next;
        if (previous == null) {
            first = next;
        } else {
            previous.next = next;
        }
        if (next == null) {
            last = previous;
        } else {
            next.previous = previous;
        }
        entry.previous = null;
        entry.next = null;
    }

    /** Entries that hold or await a range. */
    int size() {
        return size;
    }

    @Nullable
    Entry first() {
        return first;
    }

    private void grant() {
        if (granting) {
            return;
        }
        granting = true;
        try {
            for (Entry entry = granted.poll(); entry != null; entry = granted.poll()) {
                if (entry.linked && entry.blockers == 0) {
                    entry.locked();
                }
            }
        } finally {
            granting = false;
        }
    }
}
