package storage.cairn.engine.replication;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/** A read of a host, or of the owner itself, until its bytes are known to be current. Reused. */
final class ReadOp extends HostOp implements Replica.Done {
    private final ReadPath path;

    long block;
    int count;
    /** Block of {@link #into} that the first one goes to. */
    int index;
    /** Of the owner itself: the range is locked already. */
    boolean inner;

    @Nullable
    Finished finished;

    @Nullable
    Buffer into;

    int member = -1;
    boolean again;
    /** Members whose copy did not match, by their bits. */
    int bad;

    boolean underWay;
    boolean withdrawn;
    long sentNanos;

    /** Told how a read of the owner itself ended. */
    interface Finished {
        void finished(Status status);
    }

    ReadOp(ReadPath path) {
        this.path = path;
    }

    Buffer into() {
        Buffer present = into;
        if (present == null) {
            throw new IllegalStateException("a read without memory");
        }
        return present;
    }

    @Override
    int bytes() {
        return count * BlockDevice.BLOCK_BYTES;
    }

    @Override
    void begin() {
        path.begin(this);
    }

    @Override
    void locked() {
        path.locked(this);
    }

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
        if (into != null) {
            into.release();
            into = null;
        }
    }

    void clear() {
        discard();
        index = 0;
        inner = false;
        finished = null;
        member = -1;
        again = false;
        bad = 0;
        underWay = false;
        withdrawn = false;
    }
}
