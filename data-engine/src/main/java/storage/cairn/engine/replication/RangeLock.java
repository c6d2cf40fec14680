package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Keeps operations on overlapping block ranges apart, in the order of their arrival: an entry is granted once no
 * earlier entry conflicts with it. Two shared entries never conflict. Entries are the requests themselves, so that
 * locking allocates nothing.
 */
final class RangeLock {
    private @Nullable Entry first;
    private @Nullable Entry last;
    private int size;
    private final ArrayDeque<Entry> granted = new ArrayDeque<>();
    private boolean granting;

    /** A request that holds or awaits a range. */
    abstract static class Entry {
        private @Nullable Entry previous;
        private @Nullable Entry next;
        private long from;
        private long to;
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
    }

    void acquire(Entry entry, long block, long count, boolean exclusive) {
        if (entry.linked || block < 0 || count < 1) {
            throw new IllegalStateException("range lock misused: block " + block + ", count " + count);
        }
        entry.from = block;
        entry.to = count > Long.MAX_VALUE - block ? Long.MAX_VALUE : block + count;
        entry.exclusive = exclusive;
        entry.blockers = 0;
        for (Entry earlier = last; earlier != null; earlier = earlier.previous) {
            if (entry.conflicts(earlier)) {
                entry.blockers++;
            }
        }
        entry.linked = true;
        entry.previous = last;
        entry.next = null;
        if (last == null) {
            first = entry;
        } else {
            last.next = entry;
        }
        last = entry;
        size++;
        if (entry.blockers == 0) {
            entry.locked();
        }
    }

    /** Gives a range back, or up while it is still awaited. */
    void release(Entry entry) {
        if (!entry.linked) {
            throw new IllegalStateException("release of a range that is not locked");
        }
        entry.linked = false;
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
        size--;
        for (Entry later = next; later != null; later = later.next) {
            if (later.conflicts(entry) && --later.blockers == 0) {
                granted.add(later);
            }
        }
        grant();
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
