package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;

/** A resync of up to 256 blocks, as one or two records one after the other. */
final class Resync implements Replica.Done {
    private final ExtentStore store;
    private final StoredReplica replica;
    private final long epoch;
    private final long block;
    private final int count;
    private final Replica.ExtentContent content;
    private final @Nullable Buffer data;
    private final long maxWseq;
    private final Replica.Done done;
    private final long tag;
    private int dataIndex;
    private int position;

    Resync(
            ExtentStore store,
            StoredReplica replica,
            long epoch,
            long block,
            int count,
            Replica.ExtentContent content,
            @Nullable Buffer data,
            int index,
            long maxWseq,
            Replica.Done done,
            long tag) {
        this.store = store;
        this.replica = replica;
        this.epoch = epoch;
        this.block = block;
        this.count = count;
        this.content = content;
        this.data = data;
        this.dataIndex = index;
        this.maxWseq = maxWseq;
        this.done = done;
        this.tag = tag;
    }

    void start() {
        int position = dataIndex;
        for (int i = 0; i < count; i++) {
            if (content.states()[i] == Replica.BlockState.DATA) {
                if (data == null || data.crc(position) != content.crcs()[i] || data.firstMismatch(position, 1) >= 0) {
                    store.answer(done, tag, Status.CORRUPT);
                    return;
                }
                position++;
            }
        }
        if (data != null) {
            data.retain();
        }
        next();
    }

    private void next() {
        Mutation m = store.mutator().acquire(Mutation.Kind.RESYNC, replica, this, 0);
        if (m == null) {
            finish(Status.BUSY);
            return;
        }
        m.epoch = epoch;
        m.block = block + position;
        m.count = Math.min(count - position, JournalRecord.MAX_MAP_BLOCKS);
        m.content = content;
        m.contentIndex = position;
        m.data = data;
        m.dataIndex = dataIndex;
        m.maxWseq = maxWseq;
        int slots = m.needsSlots();
        if (slots > 0 && store.space().available(slots) < 0) {
            store.mutator().cancel(m);
            store.shortOfSpace();
            finish(Status.NO_SPACE);
            return;
        }
        store.space().promise(slots);
        m.promised = slots;
        position += m.count;
        dataIndex += slots;
        store.mutator().submit(m);
    }

    @Override
    public void done(long unused, Status status) {
        if (status == Status.OK && position < count) {
            next();
        } else {
            finish(status);
        }
    }

    private void finish(Status status) {
        if (data != null) {
            data.release();
        }
        store.answer(done, tag, status);
    }
}
