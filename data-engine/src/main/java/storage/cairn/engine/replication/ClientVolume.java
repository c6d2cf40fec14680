package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/** A volume as one client holds it: checks what it asks for, cuts it into wseqs, and hears when it is over. */
final class ClientVolume implements HostVolume {
    private static final int BLOCK = BlockDevice.BLOCK_BYTES;
    private static final int STATUS_CHUNK = 4_096;
    private static final int MAX_RUNS = 65_536;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Lost lost;
    private boolean open = true;
    private Status ending = Status.FENCED;

    ClientVolume(NodeContext context, VolumeOwner owner, Lost lost) {
        this.context = context;
        this.owner = owner;
        this.lost = lost;
    }

    @Override
    public long sizeBytes() {
        return owner.membership().current().sizeBytes();
    }

    @Override
    public void read(long block, int count, Buffer into, Done done, long tag) {
        Status refusal = refusal(block, count, Replica.MAX_WRITE_BLOCKS);
        if (refusal == Status.OK && into.capacity() < count * BLOCK) {
            refusal = Status.INVALID;
        }
        if (refusal != Status.OK) {
            refuse(done, tag, refusal);
            return;
        }
        HostCounters counters = owner.counters();
        counters.reads++;
        counters.readBytes += (long) count * BLOCK;
        ReadOp op = owner.reads().operation(block, count, into);
        op.from(done, tag);
        submit(op);
    }

    @Override
    public void write(long offset, int length, Buffer data, Done done, long tag) {
        if (length < 1 || offset < 0 || offset > sizeBytes() - length) {
            refuse(done, tag, open ? Status.INVALID : ending);
            return;
        }
        long block = offset / BLOCK;
        int count = (int) ((offset + length - 1) / BLOCK - block) + 1;
        Status refusal = refusal(block, count, Replica.MAX_WRITE_BLOCKS);
        if (refusal == Status.OK && data.capacity() < count * BLOCK) {
            refusal = Status.INVALID;
        }
        if (refusal != Status.OK) {
            refuse(done, tag, refusal);
            return;
        }
        count(length);
        WriteOp op = owner.writes().operation(Replica.Kind.WRITE, block, count);
        op.headBytes = (int) (offset % BLOCK);
        op.tailBytes = (int) ((long) count * BLOCK - op.headBytes - length);
        op.data = data.retain();
        op.from(done, tag);
        submit(op);
    }

    private void count(long bytes) {
        owner.counters().writes++;
        owner.counters().writeBytes += bytes;
    }

    private void submit(HostOp op) {
        op.client = this;
        owner.queue().submit(op);
        owner.touch();
    }

    @Override
    public void zero(long offset, long length, boolean unmap, Done done, long tag) {
        if (!open || length < 1 || offset < 0 || length > sizeBytes() || offset > sizeBytes() - length) {
            refuse(done, tag, open ? Status.INVALID : ending);
            return;
        }
        count(length);
        new ZeroTask(offset, length, unmap, done, tag).next();
    }

    /** A zero of any length: partial blocks by a write of zero bytes, the rest in pieces of one wseq each, in order. */
    private final class ZeroTask implements Done {
        private final long end;
        private final boolean unmap;
        private final Done whole;
        private final long wholeTag;
        private long at;

        ZeroTask(long offset, long length, boolean unmap, Done whole, long wholeTag) {
            this.at = offset;
            this.end = offset + length;
            this.unmap = unmap;
            this.whole = whole;
            this.wholeTag = wholeTag;
        }

        void next() {
            long block = at / BLOCK;
            long whollyTo = end / BLOCK;
            if (at % BLOCK != 0 || block == whollyTo) {
                partial(block, (int) (Math.min(end, (block + 1) * BLOCK) - at));
                return;
            }
            int count = (int) Math.min(Replica.MAX_ZERO_BLOCKS, whollyTo - block);
            WriteOp op = owner.writes().operation(unmap ? Replica.Kind.UNMAP : Replica.Kind.ZERO, block, count);
            op.from(this, (long) count * BLOCK);
            submit(op);
        }

        private void partial(long block, int length) {
            Buffer zeroes = context.buffers.owner().acquire(BLOCK);
            if (zeroes == null) {
                context.buffers.owner().whenAvailable(() -> {
                    if (open) {
                        partial(block, length);
                    } else {
                        whole.done(wholeTag, ending);
                    }
                });
                return;
            }
            for (int i = 0; i < BLOCK; i += Long.BYTES) {
                zeroes.bytes().putLong(i, 0);
            }
            WriteOp op = owner.writes().operation(Replica.Kind.WRITE, block, 1);
            op.headBytes = (int) (at % BLOCK);
            op.tailBytes = BLOCK - op.headBytes - length;
            op.data = zeroes;
            op.from(this, length);
            submit(op);
        }

        /** A piece ended; {@code bytes} is its length. The first error is the whole's. */
        @Override
        public void done(long bytes, Status status) {
            at += bytes;
            if (status != Status.OK || at == end) {
                whole.done(wholeTag, status);
            } else if (!open || owner.stopped()) {
                whole.done(wholeTag, ending);
            } else {
                next();
            }
        }
    }

    @Override
    public void flush(Done done, long tag) {
        // A write completes only once it is on stable media of every in-sync replica: nothing is left to do.
        Status status = open && !owner.stopped() ? Status.OK : ending;
        context.clock.execute(() -> done.done(tag, status));
    }

    @Override
    public void blockStatus(long block, long count, int maxRuns, Runs done, long tag) {
        if (!open || block < 0 || count < 1 || maxRuns < 1 || block > owner.blocks() - count) {
            Status status = open ? Status.INVALID : ending;
            context.clock.execute(() -> done.done(tag, status, List.of()));
            return;
        }
        new StatusTask(block, count, Math.min(maxRuns, MAX_RUNS), done, tag).next();
    }

    private final class StatusTask implements Replica.BlockStates {
        private final long end;
        private final int maxRuns;
        private final Runs done;
        private final long tag;
        private final List<Run> runs = new ArrayList<>();
        private long at;

        StatusTask(long block, long count, int maxRuns, Runs done, long tag) {
            this.at = block;
            this.end = block + count;
            this.maxRuns = maxRuns;
            this.done = done;
            this.tag = tag;
        }

        void next() {
            Member best = null;
            for (int i = 0; i < owner.members().count(); i++) {
                Member member = owner.members().at(i);
                if (member.ready() && owner.members().readable(member) && (best == null || member.local())) {
                    best = member;
                }
            }
            if (best == null || !owner.serves()) {
                Status status = owner.stopped() ? ending : Status.UNAVAILABLE;
                context.clock.execute(() -> done.done(tag, status, List.of()));
                return;
            }
            best.link().blockStates(at, (int) Math.min(STATUS_CHUNK, end - at), this);
        }

        @Override
        public void done(long unused, Status status, List<Replica.BlockState> states) {
            if (status != Status.OK || states.isEmpty() || !owner.reads().leased()) {
                done.done(tag, status == Status.OK ? Status.UNAVAILABLE : status, List.of());
                return;
            }
            for (Replica.BlockState state : states) {
                if (!add(state)) {
                    done.done(tag, Status.OK, runs);
                    return;
                }
                at++;
            }
            if (at < end) {
                next();
            } else {
                done.done(tag, Status.OK, runs);
            }
        }

        private boolean add(Replica.BlockState state) {
            boolean allocated = state == Replica.BlockState.DATA;
            int last = runs.size() - 1;
            if (last >= 0 && runs.get(last).allocated() == allocated) {
                runs.set(last, new Run(runs.get(last).blocks() + 1, allocated, !allocated));
                return true;
            }
            if (runs.size() == maxRuns) {
                return false;
            }
            runs.add(new Run(1, allocated, !allocated));
            return true;
        }
    }

    private Status refusal(long block, int count, int most) {
        if (!open || owner.stopped()) {
            return ending;
        }
        boolean inRange = block >= 0 && count >= 1 && count <= most && block <= owner.blocks() - count;
        return inRange ? Status.OK : Status.INVALID;
    }

    private void refuse(Done done, long tag, Status status) {
        context.clock.execute(() -> done.done(tag, status));
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            owner.queue().abandon(this);
            owner.clients().remove(this);
        }
    }

    /** The volume is not served here any more. */
    void lost(Status status, String reason) {
        if (open) {
            open = false;
            ending = status;
            lost.lost(status, reason);
        }
    }
}
