package storage.cairn.engine.replication;

import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.store.Replica;

/** The way to a replica on this very node: direct calls, under the same rules as a stream. */
final class LocalLink extends ReplicaLink implements ReplicaClient {
    private final NodeContext context;
    private final ReplicaSlot slot;
    private final Hello hello;
    private boolean open;
    private long queuedBytes;

    LocalLink(NodeContext context, ReplicaSlot slot, Hello hello, Events events) {
        super(events);
        this.context = context;
        this.slot = slot;
        this.hello = hello;
    }

    @Override
    void open() {
        open = true;
        context.clock.execute(() -> {
            if (open) {
                slot.claim(this, hello, this::claimed);
            }
        });
    }

    private void claimed(ReplicaSlot.Claimed outcome) {
        if (!open) {
            slot.leave(this);
            return;
        }
        switch (outcome) {
            case ReplicaSlot.Claimed.Welcome welcome -> events.welcomed(welcome.report());
            case ReplicaSlot.Claimed.Wait wait -> {
                open = false;
                events.waits(wait.millis());
            }
            case ReplicaSlot.Claimed.Refused refused -> {
                open = false;
                events.ended(refused.status(), refused.reason(), false);
            }
        }
    }

    @Override
    void close(String reason) {
        if (open) {
            open = false;
            slot.leave(this);
        }
    }

    private ReplicaOp begin(ReplicaOp.Kind kind, Object callback, long callbackTag) {
        return slot.operation(this, kind, tag(expect(callback, callbackTag, context.now())));
    }

    @Override
    void epochSet(Configuration configuration, long firstWseq, EpochAnswer answer) {
        ReplicaOp op = begin(ReplicaOp.Kind.EPOCH_SET, answer, 0);
        op.configuration = configuration;
        slot.accept(op);
    }

    @Override
    void write(WriteOp write, long commitSeq, long callbackTag) {
        ReplicaOp.Kind kind = switch (write.kind) {
            case WRITE -> ReplicaOp.Kind.WRITE;
            case ZERO, UNMAP -> ReplicaOp.Kind.ZERO;
            case RESIZE -> ReplicaOp.Kind.RESIZE;
        };
        ReplicaOp op = begin(kind, write, callbackTag);
        op.epoch = write.epoch;
        op.wseq = write.wseq;
        op.commitSeq = commitSeq;
        op.block = write.block;
        op.count = write.count;
        op.unmap = write.kind == Replica.Kind.UNMAP;
        if (kind == ReplicaOp.Kind.WRITE) {
            op.buffer = write.data().retain();
            queuedBytes += (long) op.count * BlockDevice.BLOCK_BYTES;
        }
        slot.accept(op);
    }

    @Override
    void rollForward(
            long authority,
            Replica.TailEntry entry,
            long commitSeq,
            @Nullable Buffer data,
            int index,
            Replica.Done done,
            long callbackTag) {
        ReplicaOp op = begin(ReplicaOp.Kind.ROLL_FORWARD, done, callbackTag);
        op.epoch = authority;
        op.entry = entry;
        op.commitSeq = commitSeq;
        op.block = entry.kind() == Replica.Kind.RESIZE ? 0 : entry.block();
        op.count = entry.count();
        if (data != null) {
            op.buffer = data.retain();
            op.index = index;
        }
        slot.accept(op);
    }

    @Override
    void commit(long commitSeq) {
        slot.commit(this, commitSeq);
    }

    @Override
    void read(long block, int count, Buffer into, int index, Replica.Done done, long callbackTag) {
        ReplicaOp op = begin(ReplicaOp.Kind.READ, done, callbackTag);
        op.block = block;
        op.count = count;
        op.buffer = into.retain();
        op.index = index;
        slot.accept(op);
    }

    @Override
    void credits(long epoch, int wanted, CreditAnswer answer) {
        Pending pending = expect(answer, 0, context.now());
        int granted = slot.credits(this, epoch, wanted);
        context.clock.execute(() -> {
            end(pending);
            answer.granted(epoch, granted);
        });
    }

    @Override
    void reserve(long epoch, long block, int count, Replica.Done done, long callbackTag) {
        ReplicaOp op = begin(ReplicaOp.Kind.RESERVE, done, callbackTag);
        op.epoch = epoch;
        op.block = block;
        op.count = count;
        slot.accept(op);
    }

    @Override
    void blockStates(long block, int count, Replica.BlockStates done) {
        ReplicaOp op = begin(ReplicaOp.Kind.BLOCK_STATES, done, 0);
        op.block = block;
        op.count = count;
        slot.accept(op);
    }

    @Override
    void changedExtents(long sinceSeq, long firstExtent, int limit, Replica.ChangedExtents done) {
        ReplicaOp op = begin(ReplicaOp.Kind.RESYNC_LIST, done, 0);
        op.wseq = sinceSeq;
        op.block = firstExtent;
        op.count = limit;
        slot.accept(op);
    }

    @Override
    void describe(long extent, Replica.Described done) {
        ReplicaOp op = begin(ReplicaOp.Kind.CRC_LIST, done, 0);
        op.block = extent;
        slot.accept(op);
    }

    @Override
    void resync(
            long epoch,
            long block,
            int count,
            Replica.ExtentContent content,
            @Nullable Buffer data,
            int index,
            long maxWseq,
            Replica.Done done) {
        ReplicaOp op = begin(ReplicaOp.Kind.RESYNC_WRITE, done, 0);
        op.epoch = epoch;
        op.block = block;
        op.count = count;
        op.content = content;
        op.wseq = maxWseq;
        if (data != null) {
            op.buffer = data.retain();
            op.index = index;
        }
        slot.accept(op);
    }

    @Override
    void repair(long epoch, long block, int count, Buffer data, int index, Replica.Done done) {
        ReplicaOp op = begin(ReplicaOp.Kind.REPAIR, done, 0);
        op.epoch = epoch;
        op.block = block;
        op.count = count;
        op.buffer = data.retain();
        op.index = index;
        slot.accept(op);
    }

    @Override
    void verify(long extent, Replica.Verified done) {
        ReplicaOp op = begin(ReplicaOp.Kind.VERIFY, done, 0);
        op.block = extent;
        slot.accept(op);
    }

    @Override
    void release(UUID incarnation, Replica.Done done) {
        slot.release(this, incarnation);
        context.clock.execute(() -> done.done(0, Status.OK));
    }

    @Override
    void heartbeat(long nowNanos, long heartbeatNanos) {}

    @Override
    long silentNanos(long nowNanos) {
        return 0;
    }

    @Override
    long queuedBytes() {
        return queuedBytes;
    }

    @Override
    boolean local() {
        return true;
    }

    @Override
    public void completed(ReplicaOp op, Status status) {
        Pending pending = find(op.tag);
        if (pending == null) {
            throw new IllegalStateException("a local operation completed twice");
        }
        if (op.kind == ReplicaOp.Kind.WRITE) {
            queuedBytes -= (long) op.count * BlockDevice.BLOCK_BYTES;
        }
        // After the end of the link nothing that the replica said counts; the memory is free only now.
        Status told = open ? status : Status.UNAVAILABLE;
        if (told != Status.OK) {
            answer(pending, told);
            return;
        }
        long tag = pending.callbackTag;
        switch (op.kind) {
            case EPOCH_SET -> ((EpochAnswer) end(pending)).answered(Status.OK, slot.report());
            case WRITE, ZERO, RESIZE, ROLL_FORWARD, READ, RESERVE, RESYNC_WRITE, REPAIR -> answer(pending, Status.OK);
            case BLOCK_STATES -> ((Replica.BlockStates) end(pending)).done(tag, Status.OK, op.states);
            case RESYNC_LIST -> ((Replica.ChangedExtents) end(pending)).done(tag, Status.OK, op.numbers);
            case CRC_LIST -> ((Replica.Described) end(pending)).done(tag, Status.OK, op.content);
            case VERIFY -> ((Replica.Verified) end(pending)).done(tag, Status.OK, op.numbers);
        }
    }

    /** Its owner is on the node that shuts down, and gives the volume up by itself. */
    @Override
    public void leaving() {}

    @Override
    public void superseded(String reason) {
        if (open) {
            open = false;
            context.clock.execute(() -> events.ended(Status.UNAVAILABLE, reason, false));
        }
    }
}
