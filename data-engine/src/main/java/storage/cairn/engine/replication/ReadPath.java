package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/**
 * Reads from the best in-sync replica, verified; tries others when a copy is bad and repairs that one; and gives the
 * bytes out only while every member that counts has granted.
 */
final class ReadPath {
    private static final int KEPT_OPS = 1_024;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Members members;
    private final RangeLock lock;
    private final HostQueue queue;
    private final UnreadableBlocks unreadable;
    private final ArrayDeque<ReadOp> free = new ArrayDeque<>();
    /** No readable member is connected. */
    private final List<ReadOp> parked = new ArrayList<>();
    /** Fetched, but some lease has run out. */
    private final List<ReadOp> unleased = new ArrayList<>();

    private long leasedUntilNanos;
    private boolean leaseKnown;

    ReadPath(NodeContext context, VolumeOwner owner, Members members, RangeLock lock, HostQueue queue) {
        this.context = context;
        this.owner = owner;
        this.members = members;
        this.lock = lock;
        this.queue = queue;
        this.unreadable = new UnreadableBlocks(owner);
    }

    UnreadableBlocks unreadable() {
        return unreadable;
    }

    ReadOp operation(long block, int count, Buffer into) {
        ReadOp op = free.poll();
        if (op == null) {
            op = new ReadOp(this);
        }
        op.block = block;
        op.count = count;
        op.into = into.retain();
        return op;
    }

    /** Reads for the owner itself: the caller holds the range. The bytes are current while the owner may serve. */
    void readLocked(long block, int count, Buffer into, ReadOp.Finished finished) {
        ReadOp op = operation(block, count, into);
        op.inner = true;
        op.finished = finished;
        fetch(op);
    }

    void begin(ReadOp op) {
        lock.acquire(op, op.block, op.count, false);
    }

    void locked(ReadOp op) {
        if (owner.stopped()) {
            // Told already, and its memory is given back.
            return;
        }
        fetch(op);
    }

    private void fetch(ReadOp op) {
        Member best = best(op);
        if (best == null) {
            if (allBad(op)) {
                nowhereWhole(op);
            } else {
                parked.add(op);
                owner.touch();
            }
            return;
        }
        if (op.member != best.index) {
            op.member = best.index;
            op.again = false;
        }
        op.sentNanos = context.now();
        op.underWay = true;
        owner.touch();
        best.link().read(op.block, op.count, op.into(), op.index, op, best.index);
    }

    /** No replica has a good copy of all of it. Each block may have one somewhere. */
    private void nowhereWhole(ReadOp op) {
        if (op.count == 1) {
            unreadable.found(op.block);
            finish(op, Status.CORRUPT);
        } else {
            readApart(op, 0, Status.OK);
        }
    }

    private void readApart(ReadOp op, int next, Status soFar) {
        if (owner.stopped()) {
            if (op.inner) {
                finish(op, Status.FENCED);
            }
        } else if (op.withdrawn) {
            finish(op, Status.UNAVAILABLE);
        } else if (next < op.count) {
            ReadOp one = operation(op.block + next, 1, op.into());
            one.index = op.index + next;
            one.inner = true;
            one.finished = status -> readApart(op, next + 1, status == Status.OK ? soFar : status);
            fetch(one);
        } else if (soFar == Status.OK) {
            deliver(op);
        } else {
            finish(op, soFar);
        }
    }

    private @Nullable Member best(ReadOp op) {
        Member best = null;
        boolean bestSilent = false;
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if (!member.ready() || !members.readable(member) || (op.bad & member.bit) != 0) {
                continue;
            }
            if (member.local()) {
                return member;
            }
            boolean silent = member.outNanos(context.now()) > 0;
            if (best == null
                    || (bestSilent && !silent)
                    || (bestSilent == silent && member.latencyNanos() < best.latencyNanos())) {
                best = member;
                bestSilent = silent;
            }
        }
        return best;
    }

    private boolean allBad(ReadOp op) {
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if (members.readable(member) && (op.bad & member.bit) == 0) {
                return false;
            }
        }
        return op.bad != 0;
    }

    void answered(ReadOp op, int index, Status status) {
        op.underWay = false;
        if (owner.stopped()) {
            if (op.inner) {
                finish(op, Status.FENCED);
            }
            return;
        }
        if (op.withdrawn) {
            finish(op, Status.UNAVAILABLE);
            return;
        }
        Member member = members.at(index);
        switch (status) {
            case OK -> {
                member.measured(context.now() - op.sentNanos);
                if (!op.inner && !member.local()) {
                    owner.counters().remoteReadBytes += (long) op.count * BlockDevice.BLOCK_BYTES;
                }
                if (op.bad != 0) {
                    repair(op);
                }
                unreadable.good(op.block, op.count);
                deliver(op);
            }
            case UNAVAILABLE, BUSY, STALE_EPOCH -> context.clock.execute(() -> refetch(op));
            case CORRUPT -> {
                if (op.again) {
                    op.bad |= member.bit;
                    context.log.event(
                            Log.Level.WARN,
                            owner.name(),
                            members.epoch(),
                            "ChecksumMismatch",
                            "disk " + member.disk + ", block " + op.block + ", count " + op.count
                                    + ": read from another replica");
                    op.again = false;
                } else {
                    op.again = true;
                }
                fetch(op);
            }
            case INVALID -> finish(op, Status.INVALID);
            case NO_SPACE, DISK_FAILED, NOT_FOUND, FENCED, CONFLICT -> {
                member.fail(status, "it answered " + status + " to a read");
                context.clock.execute(() -> refetch(op));
            }
        }
    }

    private void refetch(ReadOp op) {
        if (owner.stopped()) {
            if (op.inner) {
                finish(op, Status.FENCED);
            }
        } else if (op.withdrawn) {
            finish(op, Status.UNAVAILABLE);
        } else {
            fetch(op);
        }
    }

    private void repair(ReadOp op) {
        long extent = op.block / Replica.EXTENT_BLOCKS;
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if ((op.bad & member.bit) != 0 && member.ready()) {
                member.link()
                        .repair(
                                members.epoch(),
                                op.block,
                                op.count,
                                op.into(),
                                op.index,
                                (tag, status) -> repaired(member, extent, status));
            }
        }
    }

    private void repaired(Member member, long extent, Status status) {
        if (!owner.stopped()) {
            if (status == Status.CONFLICT && member.ready()) {
                owner.upkeep().suspect(member, extent);
            }
            context.log.event(
                    status == Status.OK || status == Status.CONFLICT ? Log.Level.INFO : Log.Level.WARN,
                    owner.name(),
                    members.epoch(),
                    "Repaired",
                    "disk " + member.disk + ": " + status);
        }
    }

    private void deliver(ReadOp op) {
        if (leased()) {
            finish(op, Status.OK);
        } else {
            unleased.add(op);
            owner.touch();
        }
    }

    /** Whether this owner may give bytes out now. */
    boolean leased() {
        long now = context.now();
        if (!leaseKnown || leasedUntilNanos - now <= 0) {
            leasedUntilNanos = members.leasedUntilNanos(now);
            leaseKnown = true;
        }
        return leasedUntilNanos - now > 0;
    }

    /** Leases, members or their roles have changed. */
    void reconsider() {
        leaseKnown = false;
        if (!unleased.isEmpty() && leased()) {
            List<ReadOp> ready = List.copyOf(unleased);
            unleased.clear();
            for (ReadOp op : ready) {
                finish(op, op.withdrawn ? Status.UNAVAILABLE : Status.OK);
            }
        }
        if (!parked.isEmpty()) {
            List<ReadOp> again = List.copyOf(parked);
            parked.clear();
            again.forEach(this::refetch);
        }
    }

    boolean waiting() {
        return !parked.isEmpty() || !unleased.isEmpty();
    }

    int parked() {
        return parked.size() + unleased.size();
    }

    /** The host was told of a failure. */
    void withdraw(ReadOp op) {
        op.withdrawn = true;
        if (parked.remove(op) || unleased.remove(op) || op.waits()) {
            finish(op, Status.UNAVAILABLE);
        }
    }

    private void finish(ReadOp op, Status status) {
        ReadOp.Finished inner = op.finished;
        if (inner != null) {
            op.clear();
            recycle(op);
            inner.finished(status);
            return;
        }
        if (op.linked()) {
            lock.release(op);
        }
        op.tell(status);
        if (op.place >= 0) {
            queue.finished(op);
        }
        op.clear();
        recycle(op);
    }

    private void recycle(ReadOp op) {
        if (free.size() < KEPT_OPS) {
            free.push(op);
        }
    }

    /** The owner stopped: the owner's own reads end, those of hosts were told already. */
    void stop() {
        List<ReadOp> own = new ArrayList<>(parked);
        own.addAll(unleased);
        parked.clear();
        unleased.clear();
        for (ReadOp op : own) {
            if (op.inner) {
                finish(op, Status.FENCED);
            }
        }
    }
}
