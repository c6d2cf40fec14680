package storage.cairn.engine.sim;

import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.TailEntry;

/** Something that changes blocks of a replica, as its {@link StoreModel} knows it. */
final class StoreModelOp {
    final TailEntry entry;
    final long firstStamp;
    final boolean resync;
    State state = State.UNKNOWN;
    /** Whether the tail that is being compared has it. */
    boolean seen;

    /** What became of it. */
    enum State {
        UNKNOWN,
        APPLIED,
        /** A lying medium did not show it any more. What hid it may be gone at the next crash: then it is back. */
        LOST
    }

    StoreModelOp(TailEntry entry, long firstStamp, boolean resync) {
        this.entry = entry;
        this.firstStamp = firstStamp;
        this.resync = resync;
    }

    /** A resync brings a zero block in each third place. */
    long value(int index) {
        if (entry.kind() != Replica.Kind.WRITE || (resync && index % 3 == 2)) {
            return 0;
        }
        return firstStamp + index;
    }

    long wseqOf(int index) {
        return resync ? Math.max(1, entry.wseq() - index) : entry.wseq();
    }
}
