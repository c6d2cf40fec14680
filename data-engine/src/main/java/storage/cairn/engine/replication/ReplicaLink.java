package storage.cairn.engine.replication;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.ReplicaReport;
import storage.cairn.engine.store.Replica;

/**
 * An owner's one FIFO way to one replica. Every operation is answered exactly once, later, by its callback; with
 * UNAVAILABLE when the link ended first.
 */
abstract class ReplicaLink {
    private static final int FIRST_CAPACITY = 64;
    private static final int INDEX_BITS = 20;

    private final Pending none = new Pending();
    private Pending[] pending = new Pending[FIRST_CAPACITY];
    private int[] free = new int[FIRST_CAPACITY];
    private int freeCount;
    private int used;
    private int generation;
    private int outstanding;

    final Events events;

    /** What the link tells its owner's member. */
    interface Events {
        void welcomed(ReplicaReport report);

        void waits(long millis);

        /** The replica's node shuts down; the replica serves until it was taken out, or for a short while. */
        void leaving();

        /** The link is over. Not told after {@link #close}. */
        void ended(Status status, String reason, boolean refused);
    }

    interface EpochAnswer {
        /**
         * @param report what the replica holds, when OK
         */
        void answered(Status status, @Nullable ReplicaReport report);
    }

    interface CreditAnswer {
        void granted(long epoch, int credits);
    }

    /** What an operation under way will need when it is answered. */
    static final class Pending {
        private int index;
        private long tag;
        private boolean busy;

        @Nullable
        Object callback;

        long callbackTag;

        @Nullable
        Buffer into;

        int intoIndex;
        int count;
        /** Of a question about several things: the first of them, and how many at most. */
        long first;

        int most;
        long sentNanos;
    }

    ReplicaLink(Events events) {
        this.events = events;
    }

    abstract void open();

    /** Ends the link; operations under way are answered with UNAVAILABLE. */
    abstract void close(String reason);

    abstract void epochSet(Configuration configuration, long firstWseq, EpochAnswer answer);

    /** Sends what {@code op} is, as of its epoch; {@link Replica.Done} is the operation itself. */
    abstract void write(WriteOp op, long commitSeq, long callbackTag);

    /** Sends {@code op}, of an older epoch than {@code authority}, once more. */
    abstract void rollForward(
            long authority,
            Replica.TailEntry entry,
            long commitSeq,
            @Nullable Buffer data,
            int index,
            Replica.Done done,
            long callbackTag);

    abstract void commit(long commitSeq);

    abstract void read(long block, int count, Buffer into, int index, Replica.Done done, long callbackTag);

    abstract void credits(long epoch, int wanted, CreditAnswer answer);

    abstract void reserve(long epoch, long block, int count, Replica.Done done, long callbackTag);

    abstract void blockStates(long block, int count, Replica.BlockStates done);

    abstract void changedExtents(long sinceSeq, long firstExtent, int limit, Replica.ChangedExtents done);

    abstract void describe(long extent, Replica.Described done);

    abstract void resync(
            long epoch,
            long block,
            int count,
            Replica.ExtentContent content,
            @Nullable Buffer data,
            int index,
            long maxWseq,
            Replica.Done done);

    abstract void repair(long epoch, long block, int count, Buffer data, int index, Replica.Done done);

    abstract void verify(long extent, Replica.Verified done);

    /** Gives the grant back; answered when the replica did. */
    abstract void release(UUID incarnation, Replica.Done done);

    /** Asks for a sign of life, if something is under way and none came since {@code heartbeatNanos}. */
    abstract void heartbeat(long nowNanos, long heartbeatNanos);

    /** How long ago the replica's node was heard, while something is under way; 0 for a local one. */
    abstract long silentNanos(long nowNanos);

    /** Bytes given to this link that the other side has not answered. */
    abstract long queuedBytes();

    abstract boolean local();

    /** Operations without an answer. */
    final int outstanding() {
        return outstanding;
    }

    final Pending expect(Object callback, long callbackTag, long nowNanos) {
        int index;
        if (freeCount > 0) {
            index = free[--freeCount];
        } else {
            index = used++;
            if (index == pending.length) {
                if (index >= 1 << INDEX_BITS) {
                    throw new IllegalStateException("too many operations on one link");
                }
                pending = java.util.Arrays.copyOf(pending, index * 2);
                free = java.util.Arrays.copyOf(free, index * 2);
            }
        }
        Pending slot = pending[index];
        if (slot == null) {
            slot = new Pending();
            pending[index] = slot;
        }
        generation++;
        slot.index = index;
        slot.tag = (long) generation << INDEX_BITS | index;
        slot.busy = true;
        slot.callback = callback;
        slot.callbackTag = callbackTag;
        slot.sentNanos = nowNanos;
        outstanding++;
        return slot;
    }

    static long tag(Pending slot) {
        return slot.tag;
    }

    /** The operation of a tag, or null when nothing of that tag is under way. */
    final @Nullable Pending find(long tag) {
        int index = (int) (tag & ((1L << INDEX_BITS) - 1));
        Pending slot = index < used ? pending[index] : none;
        return slot != null && slot.busy && slot.tag == tag ? slot : null;
    }

    /** Ends an operation whose only answer is its status. */
    final void answer(Pending slot, Status status) {
        Object callback = end(slot);
        long tag = slot.callbackTag;
        switch (callback) {
            case Replica.Done done -> done.done(tag, status);
            case Replica.BlockStates done -> done.done(tag, failed(status), List.of());
            case Replica.ChangedExtents done -> done.done(tag, failed(status), new long[0]);
            case Replica.Described done -> done.done(tag, failed(status), null);
            case Replica.Verified done -> done.done(tag, failed(status), new long[0]);
            case EpochAnswer done -> done.answered(failed(status), null);
            case CreditAnswer done -> done.granted(0, 0);
            default -> throw new IllegalStateException("no such callback: " + callback);
        }
    }

    /** An answer that lacks what was asked for is no success. */
    private static Status failed(Status status) {
        return status == Status.OK ? Status.INVALID : status;
    }

    /** Takes an operation off the table; returns its callback. */
    final Object end(Pending slot) {
        Object callback = slot.callback;
        if (!slot.busy || callback == null) {
            throw new IllegalStateException("an operation ended twice");
        }
        slot.busy = false;
        slot.callback = null;
        if (slot.into != null) {
            slot.into.release();
            slot.into = null;
        }
        free[freeCount++] = slot.index;
        outstanding--;
        return callback;
    }

    /** Answers everything under way with UNAVAILABLE, oldest slot first. */
    final void abandon() {
        for (int i = 0; i < used; i++) {
            Pending slot = pending[i];
            if (slot != null && slot.busy) {
                answer(slot, Status.UNAVAILABLE);
            }
        }
    }
}
