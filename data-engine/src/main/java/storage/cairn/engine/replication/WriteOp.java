package storage.cairn.engine.replication;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/** One wseq: a write, zero or resize of a volume on its way to every member. Reused. */
final class WriteOp extends HostOp implements Replica.Done {
    private final WritePath path;

    Replica.Kind kind = Replica.Kind.WRITE;
    /** First block; of a RESIZE the new number of blocks. */
    long block;

    int count;
    /** Bytes before and after what the host wrote, in the first and last block. */
    int headBytes;

    int tailBytes;
    long epoch;
    long wseq;
    /** Members that hold it durably, by their bits. */
    int acked;
    /** Members whose answer is still to come, by their bits. */
    int awaited;
    /** Answers that are still to come, and resends that are. */
    int underWay;

    int resends;
    boolean allotted;
    boolean complete;
    boolean inTail;
    boolean withdrawn;
    boolean locked;
    boolean retired;
    /** The round of {@link SpaceCredits} in which its space was reserved. */
    long reservedRound;
    /** Told as soon as it has its wseq, before anybody is sent it. */
    @Nullable
    Consumer<WriteOp> whenAllotted;

    /** Since when it waits for a disk to free slots; 0: it does not. */
    long shortSinceNanos;

    @Nullable
    Buffer data;

    long sentNanos;

    WriteOp(WritePath path) {
        this.path = path;
    }

    Buffer data() {
        Buffer present = data;
        if (present == null) {
            throw new IllegalStateException("a write without data");
        }
        return present;
    }

    @Override
    int bytes() {
        return kind == Replica.Kind.WRITE ? count * BlockDevice.BLOCK_BYTES : 0;
    }

    boolean needsSpace() {
        return kind == Replica.Kind.WRITE;
    }

    Replica.TailEntry entry() {
        return new Replica.TailEntry(epoch, wseq, kind, block, kind == Replica.Kind.RESIZE ? 0 : count);
    }

    @Override
    void begin() {
        path.lock(this);
    }

    @Override
    void locked() {
        locked = true;
        path.locked(this);
    }

    /** A member answered; {@code tag} is its index. */
    @Override
    public void done(long tag, Status status) {
        path.answered(this, (int) tag, status);
    }

    @Override
    void withdraw() {
        path.withdraw(this);
    }

    @Override
    void discard() {
        releaseMemory();
    }

    void releaseMemory() {
        if (data != null) {
            data.release();
            data = null;
        }
    }

    void clear() {
        releaseMemory();
        acked = 0;
        awaited = 0;
        underWay = 0;
        resends = 0;
        headBytes = 0;
        tailBytes = 0;
        allotted = false;
        complete = false;
        inTail = false;
        withdrawn = false;
        locked = false;
        retired = false;
        reservedRound = 0;
        shortSinceNanos = 0;
        whenAllotted = null;
    }
}
