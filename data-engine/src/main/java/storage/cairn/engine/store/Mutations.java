package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/** The changes that are under way on a disk: a bounded pool, so that a steady load allocates none. */
final class Mutations {
    private final @Nullable Mutation[] all;
    private final int[] free;
    private int freeCount;
    private int made;
    private int live;

    Mutations(int max) {
        all = new Mutation[max];
        free = new int[max];
    }

    /** One to be filled in, or null when too many are under way. */
    @Nullable
    Mutation acquire(Mutation.Kind kind, StoredReplica replica, Replica.Done done, long tag) {
        Mutation m;
        if (freeCount > 0) {
            m = all[free[--freeCount]];
        } else if (made < all.length) {
            m = new Mutation(made);
            all[made++] = m;
        } else {
            return null;
        }
        if (m == null || m.live) {
            throw new IllegalStateException("a mutation that is in use lay in the pool");
        }
        m.live = true;
        m.kind = kind;
        m.replica = replica;
        m.done = done;
        m.tag = tag;
        live++;
        return m;
    }

    /** Its outcome is certain; its memory may still be the device's. */
    void ended(Mutation m) {
        m.finished = true;
        live--;
    }

    /** Nobody has anything to do with it any more. */
    void recycle(Mutation m) {
        m.live = false;
        m.reset();
        free[freeCount++] = m.index;
    }

    @Nullable
    Mutation at(long index) {
        return all[(int) index];
    }

    /** Bound of the indices that {@link #at} knows. */
    int made() {
        return made;
    }

    /** Whether every change has its outcome. */
    boolean idle() {
        return live == 0;
    }

    /** Whether a change that touches this range is under way. */
    boolean touch(StoredReplica replica, long block, int count) {
        for (int i = 0; i < made; i++) {
            Mutation m = all[i];
            if (m != null
                    && m.live
                    && !m.finished
                    && m.replica == replica
                    && m.touchedExtents() > 0
                    && m.block < block + count
                    && block < m.block + m.count) {
                return true;
            }
        }
        return false;
    }

    /** Whether a change with this number is under way. */
    boolean have(StoredReplica replica, long wseq) {
        for (int i = 0; i < made; i++) {
            Mutation m = all[i];
            if (m != null && m.live && !m.finished && m.replica == replica && m.wseq == wseq && m.kind.hasWseq()) {
                return true;
            }
        }
        return false;
    }
}
