package storage.cairn.engine.store;

import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;

/** What may be asked of a replica without changing it: checks the question and starts a lookup. */
final class Inquiries {
    private static final int MOST_CHANGED = 4_096;

    private final ExtentStore store;
    private final StoredReplica replica;

    Inquiries(ExtentStore store, StoredReplica replica) {
        this.store = store;
        this.replica = replica;
    }

    void read(long block, int count, Buffer into, int index, Replica.Done done, long tag) {
        Status status = admit(block, count, Replica.MAX_WRITE_BLOCKS);
        Lookup lookup = status == Status.OK ? store.lookups().acquire(Lookup.Kind.READ, block, count) : null;
        if (lookup == null) {
            store.answer(done, tag, orBusy(status));
            return;
        }
        lookup.bufferIndex = index;
        lookup.done = done;
        lookup.tag = tag;
        store.lookups().start(lookup, replica, into);
    }

    void reserve(long epoch, long block, int count, Replica.Done done, long tag) {
        Status status = admit(block, count, Replica.MAX_WRITE_BLOCKS);
        Lookup lookup = status == Status.OK ? store.lookups().acquire(Lookup.Kind.RESERVE, block, count) : null;
        if (lookup == null) {
            store.answer(done, tag, orBusy(status));
            return;
        }
        lookup.epoch = epoch;
        lookup.done = done;
        lookup.tag = tag;
        store.lookups().start(lookup, replica, null);
    }

    void blockStates(long block, int count, Replica.BlockStates done, long tag) {
        Status status = admit(block, count, Replica.MAX_ZERO_BLOCKS);
        if (status != Status.OK || !new StatesInquiry(store.lookups(), replica, block, count, done, tag).start()) {
            store.answer((t, s) -> done.done(t, s, List.of()), tag, orBusy(status));
        }
    }

    void changedExtents(long sinceSeq, long firstExtent, int limit, Replica.ChangedExtents done, long tag) {
        boolean valid = firstExtent >= 0 && limit >= 1 && limit <= MOST_CHANGED;
        Status status = valid ? admit(0, 1, 1) : Status.INVALID;
        Lookup reader = status == Status.OK ? store.lookups().acquire(Lookup.Kind.STATES, 0, 0) : null;
        if (reader == null) {
            store.answer((t, s) -> done.done(t, s, new long[0]), tag, orBusy(status));
            return;
        }
        reader.changedDone = done;
        reader.tag = tag;
        store.lookups().startScan(reader, replica, sinceSeq, firstExtent, limit);
    }

    void describe(long extent, Replica.Described done, long tag) {
        Status status = admitExtent(extent);
        Lookup lookup = status == Status.OK ? wholeExtent(Lookup.Kind.DESCRIBE, extent) : null;
        if (lookup == null) {
            store.answer((t, s) -> done.done(t, s, null), tag, orBusy(status));
            return;
        }
        lookup.describedDone = done;
        lookup.tag = tag;
        store.lookups().start(lookup, replica, null);
    }

    void verify(long extent, Replica.Verified done, long tag) {
        Status status = admitExtent(extent);
        Lookup lookup = status == Status.OK ? wholeExtent(Lookup.Kind.VERIFY, extent) : null;
        if (lookup != null) {
            lookup.bufferIndex = 0;
            lookup.verifiedDone = done;
            lookup.tag = tag;
        }
        if (lookup == null || !store.lookups().startWithOwnMemory(lookup, replica)) {
            store.answer((t, s) -> done.done(t, s, new long[0]), tag, orBusy(status));
        }
    }

    /** The last extent of a volume may be shorter; blocks beyond its end are holes. */
    private @Nullable Lookup wholeExtent(Lookup.Kind kind, long extent) {
        return store.lookups().acquire(kind, extent * Replica.EXTENT_BLOCKS, Replica.EXTENT_BLOCKS);
    }

    private Status admitExtent(long extent) {
        boolean inside = extent >= 0 && extent <= (replica.blocks() - 1) / Replica.EXTENT_BLOCKS;
        return inside ? admit(0, 1, 1) : Status.INVALID;
    }

    private Status admit(long block, int count, int most) {
        if (!store.serving()) {
            return Status.DISK_FAILED;
        }
        if (replica.deleted()) {
            return Status.NOT_FOUND;
        }
        return count < 1 || count > most || replica.outside(block, count) ? Status.INVALID : Status.OK;
    }

    private static Status orBusy(Status status) {
        return status == Status.OK ? Status.BUSY : status;
    }
}
