package storage.cairn.engine.replication;

import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/**
 * One operation on a replica of this node, from its arrival until its client was told: waits for the operations before
 * it that overlap, is submitted to the {@link Replica}, and carries what came of it. Reused.
 */
final class ReplicaOp extends RangeLock.Entry
        implements Replica.Done, Replica.BlockStates, Replica.ChangedExtents, Replica.Described, Replica.Verified {
    /** What is asked. */
    enum Kind {
        EPOCH_SET,
        WRITE,
        ZERO,
        RESIZE,
        ROLL_FORWARD,
        READ,
        RESERVE,
        BLOCK_STATES,
        RESYNC_LIST,
        CRC_LIST,
        RESYNC_WRITE,
        REPAIR,
        VERIFY;

        boolean exclusive() {
            return switch (this) {
                case EPOCH_SET, WRITE, ZERO, RESIZE, ROLL_FORWARD, RESYNC_WRITE, REPAIR -> true;
                case READ, RESERVE, BLOCK_STATES, RESYNC_LIST, CRC_LIST, VERIFY -> false;
            };
        }
    }

    private static final long[] NO_BLOCKS = new long[0];

    private final ReplicaSlot slot;

    Kind kind = Kind.READ;
    ReplicaClient client = ReplicaClient.NOBODY;
    long tag;
    long epoch;
    long wseq;
    long commitSeq;
    long block;
    int count;
    boolean unmap;
    /** Its client went while it waited. */
    boolean dropped;

    int index;
    /** Retained by this operation. */
    @Nullable
    Buffer buffer;

    Replica.@Nullable TailEntry entry;
    Replica.@Nullable ExtentContent content;

    @Nullable
    Configuration configuration;

    /** What came of it, beside the status. */
    List<Replica.BlockState> states = List.of();

    long[] numbers = NO_BLOCKS;

    ReplicaOp(ReplicaSlot slot) {
        this.slot = slot;
    }

    /** The range that it must be alone on. */
    void lock(RangeLock lock) {
        switch (kind) {
            case EPOCH_SET, RESIZE -> lock.acquire(this, 0, Long.MAX_VALUE, true);
            case RESYNC_LIST -> lock.acquire(this, 0, Long.MAX_VALUE, false);
            case CRC_LIST, VERIFY -> lock.acquire(this, block * Replica.EXTENT_BLOCKS, Replica.EXTENT_BLOCKS, false);
            case WRITE, ZERO, ROLL_FORWARD, RESYNC_WRITE, READ, RESERVE, BLOCK_STATES, REPAIR ->
                lock.acquire(this, block, Math.max(1, count), kind.exclusive());
        }
    }

    @Override
    void locked() {
        slot.submit(this);
    }

    /** Hands it to the replica. */
    void run(Replica replica) {
        switch (kind) {
            case EPOCH_SET -> replica.configure(present(configuration), this, 0);
            case WRITE -> replica.write(epoch, wseq, commitSeq, block, count, present(buffer), index, this, 0);
            case ZERO -> replica.zero(epoch, wseq, commitSeq, block, count, unmap, this, 0);
            case RESIZE -> replica.resize(epoch, wseq, commitSeq, block, this, 0);
            case ROLL_FORWARD -> replica.rollForward(epoch, present(entry), commitSeq, buffer, index, this, 0);
            case READ -> replica.read(block, count, present(buffer), index, this, 0);
            case RESERVE -> replica.reserveOverwrite(epoch, block, count, this, 0);
            case BLOCK_STATES -> replica.blockStates(block, count, this, 0);
            case RESYNC_LIST -> replica.changedExtents(wseq, block, count, this, 0);
            case CRC_LIST -> replica.describe(block, this, 0);
            case RESYNC_WRITE -> replica.resync(epoch, block, count, present(content), buffer, index, wseq, this, 0);
            case REPAIR -> replica.repair(epoch, block, count, present(buffer), index, this, 0);
            case VERIFY -> replica.verify(block, this, 0);
        }
    }

    private static <T> T present(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("a replica operation lacks a part");
        }
        return value;
    }

    @Override
    public void done(long unused, Status status) {
        slot.completed(this, status);
    }

    @Override
    public void done(long unused, Status status, List<Replica.BlockState> found) {
        states = found;
        slot.completed(this, status);
    }

    @Override
    public void done(long unused, Status status, long[] found) {
        numbers = found;
        slot.completed(this, status);
    }

    @Override
    public void done(long unused, Status status, Replica.@Nullable ExtentContent found) {
        content = found;
        slot.completed(this, status);
    }

    /** Makes it ready for its next use. */
    void clear() {
        if (buffer != null) {
            buffer.release();
            buffer = null;
        }
        client = ReplicaClient.NOBODY;
        entry = null;
        content = null;
        configuration = null;
        states = List.of();
        numbers = NO_BLOCKS;
        index = 0;
        unmap = false;
        dropped = false;
    }
}
