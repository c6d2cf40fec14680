package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/**
 * What becomes of a write at its owner: range lock, the missing bytes of partial blocks, space on every member, its
 * wseq, the fan-out, and the ack once every member that may count holds it durably.
 */
final class WritePath implements PartialBlocks.Merged {
    static final int MAX_RESENDS = 3;
    private static final int KEPT_OPS = 1_024;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Members members;
    private final RangeLock lock;
    private final HostQueue queue;
    private final SpaceCredits space;
    private final PartialBlocks partial;
    private final ArrayDeque<WriteOp> free = new ArrayDeque<>();
    /** Everything above commitSeq, by rising wseq. */
    private final ArrayDeque<WriteOp> tail = new ArrayDeque<>();
    /** Locked and merged, waiting for space or a place in the tail. */
    private final ArrayDeque<WriteOp> ready = new ArrayDeque<>();

    private long commitSeq;
    private long lastWseq;
    private long grownBlocks;
    private long toldCommitSeq;
    private boolean admitting;
    private final ArrayDeque<WriteOp> retired = new ArrayDeque<>();
    private int walks;

    WritePath(NodeContext context, VolumeOwner owner, Members members, RangeLock lock, HostQueue queue) {
        this.context = context;
        this.owner = owner;
        this.members = members;
        this.lock = lock;
        this.queue = queue;
        this.space = new SpaceCredits(context, members, this::admitReady);
        this.partial = new PartialBlocks(context, owner, this);
    }

    /** The takeover found where to begin: everything up to {@code held} is on every member, {@code seen} the highest. */
    void begin(long held, long seen) {
        commitSeq = held;
        toldCommitSeq = 0;
        lastWseq = Math.max(held, seen);
        for (int i = 0; i < members.count(); i++) {
            space.settle(members.at(i));
        }
    }

    long commitSeq() {
        return commitSeq;
    }

    long lastWseq() {
        return lastWseq;
    }

    boolean idle() {
        return tail.isEmpty() && ready.isEmpty();
    }

    int unacked() {
        return tail.size();
    }

    /** A new epoch: its first wseq is far above every one seen. Returns that first wseq. */
    long newEpoch() {
        lastWseq += Takeover.EPOCH_GAP;
        space.forget();
        return lastWseq + 1;
    }

    /**
     * What comes is numbered above {@code seen}, which a replica holds that joins: it may have numbers of an owner that
     * died before any other member had them, and this one would give out again.
     */
    void passOver(long seen) {
        if (seen > lastWseq) {
            lastWseq = seen + Takeover.EPOCH_GAP;
        }
    }

    WriteOp operation(Replica.Kind kind, long block, int count) {
        WriteOp op = free.poll();
        if (op == null) {
            op = new WriteOp(this);
        }
        op.kind = kind;
        op.block = block;
        op.count = count;
        return op;
    }

    void lock(WriteOp op) {
        if (op.kind == Replica.Kind.RESIZE) {
            // Alone in a place behind every block: resizes follow each other and meet nothing else.
            lock.acquire(op, Long.MAX_VALUE - 1, 1, true);
        } else {
            lock.acquire(op, op.block, op.count, true);
        }
    }

    void locked(WriteOp op) {
        if (op.withdrawn || owner.stopped()) {
            drop(op);
        } else {
            partial.complete(op);
        }
    }

    @Override
    public void whole(WriteOp op) {
        if (op.kind == Replica.Kind.WRITE) {
            op.data().seal(0, op.count);
        }
        ready.add(op);
        admitReady();
    }

    /** Goes on with what waits for space or a place in the tail, in order. */
    void admitReady() {
        if (admitting || owner.stopped()) {
            return;
        }
        admitting = true;
        while (!ready.isEmpty() && tail.size() < context.settings.limits().tail()) {
            WriteOp op = ready.peek();
            if (op.withdrawn) {
                ready.remove();
                drop(op);
                continue;
            }
            SpaceCredits.Outcome outcome = op.needsSpace() ? space.take(op) : SpaceCredits.Outcome.TAKEN;
            if (outcome == SpaceCredits.Outcome.WAIT) {
                break;
            }
            ready.remove();
            if (outcome == SpaceCredits.Outcome.FULL) {
                op.tell(Status.NO_SPACE);
                drop(op);
            } else {
                allot(op);
            }
        }
        admitting = false;
    }

    private void allot(WriteOp op) {
        op.epoch = owner.membership().current().epoch();
        op.wseq = ++lastWseq;
        op.allotted = true;
        op.inTail = true;
        op.sentNanos = context.now();
        tail.add(op);
        if (op.whenAllotted != null) {
            op.whenAllotted.accept(op);
        }
        owner.touch();
        // The way to the others is longer: they get it before this node's own disk.
        fanOut(op, false);
        fanOut(op, true);
    }

    private void fanOut(WriteOp op, boolean local) {
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if (member.takesWrites() && member.local() == local) {
                send(op, member);
            }
        }
    }

    private void send(WriteOp op, Member member) {
        op.underWay++;
        op.awaited |= member.bit;
        member.link().write(op, commitSeq, member.index);
    }

    void answered(WriteOp op, int index, Status status) {
        op.underWay--;
        Member member = members.at(index);
        if (op.complete && (op.awaited & member.bit) != 0) {
            member.owes(-1);
        }
        op.awaited &= ~member.bit;
        walks++;
        took(op, index, status);
        walks--;
        recycleIfOver(op);
    }

    private void took(WriteOp op, int index, Status status) {
        if (owner.stopped()) {
            return;
        }
        Member member = members.at(index);
        if (status == Status.OK) {
            member.acked(context.now());
            op.acked |= member.bit;
            completeIfHeld(op);
        } else if (status == Status.CORRUPT && !op.complete && member.takesWrites() && op.resends < MAX_RESENDS) {
            op.resends++;
            send(op, member);
        } else if (status == Status.UNAVAILABLE && member.ready()) {
            resendRefused(op, member);
        } else if (status != Status.UNAVAILABLE) {
            member.fail(status, "it answered " + status + " to wseq " + op.wseq);
        }
    }

    /**
     * Its disk refused the data and made that the write never happened, or its way is about to end: whoever is still
     * there gets it once more, some do not for long. One that is being rebuilt may refuse what the others have completed,
     * and whose data is given back: it starts anew.
     */
    private void resendRefused(WriteOp op, Member member) {
        if (op.resends >= MAX_RESENDS) {
            member.fail(Status.UNAVAILABLE, "its disk does not take wseq " + op.wseq);
            return;
        }
        op.resends++;
        op.underWay++;
        ReplicaLink through = member.link();
        context.clock.execute(() -> {
            op.underWay--;
            if (!owner.stopped() && member.ready() && member.link().equals(through)) {
                if (op.complete) {
                    member.fail(Status.UNAVAILABLE, "its disk did not take wseq " + op.wseq);
                } else {
                    rollForward(op, member);
                }
            }
            recycleIfOver(op);
        });
    }

    private void rollForward(WriteOp op, Member member) {
        op.underWay++;
        op.awaited |= member.bit;
        Buffer data = op.kind == Replica.Kind.WRITE ? op.data() : null;
        member.link()
                .rollForward(owner.membership().current().epoch(), op.entry(), commitSeq, data, 0, op, member.index);
    }

    private void completeIfHeld(WriteOp op) {
        if (op.allotted && !op.complete && (members.required() & ~op.acked) == 0 && members.aware()) {
            complete(op);
        }
    }

    private void complete(WriteOp op) {
        op.complete = true;
        for (int i = 0; op.awaited != 0 && i < members.count(); i++) {
            if ((op.awaited & members.at(i).bit) != 0) {
                members.at(i).owes(1);
            }
        }
        op.releaseMemory();
        while (!tail.isEmpty() && tail.peek().complete) {
            WriteOp first = tail.remove();
            first.inTail = false;
            commitSeq = first.wseq;
            if (first != op) {
                recycleIfOver(first);
            }
        }
        if (op.kind != Replica.Kind.RESIZE) {
            owner.reads().unreadable().good(op.block, op.count);
        }
        lock.release(op);
        op.tell(Status.OK);
        if (op.place >= 0) {
            queue.finished(op);
        }
        admitReady();
        owner.committed();
    }

    /** An operation that is over may be used again, but not while somebody walks the tail that it was in. */
    private void recycleIfOver(WriteOp op) {
        if (op.complete && !op.inTail && op.underWay == 0 && op.place < 0 && !op.retired) {
            op.retired = true;
            retired.add(op);
        }
        if (walks > 0) {
            return;
        }
        for (WriteOp over = retired.poll(); over != null; over = retired.poll()) {
            over.clear();
            if (free.size() < KEPT_OPS) {
                free.push(over);
            }
        }
    }

    /** Which members count has changed: what they all hold is complete now. */
    void reconsider() {
        walks++;
        for (WriteOp op : new ArrayList<>(tail)) {
            completeIfHeld(op);
            recycleIfOver(op);
        }
        walks--;
        admitReady();
    }

    /** A member is back: it gets what it lacks, in order, with the epoch it was written in. */
    void resend(Member member, List<Replica.TailEntry> held) {
        Map<Long, Long> epochs = new HashMap<>();
        for (Replica.TailEntry entry : held) {
            epochs.put(entry.wseq(), entry.epoch());
        }
        walks++;
        for (WriteOp op : new ArrayList<>(tail)) {
            if (op.complete) {
                continue;
            }
            if (Objects.equals(epochs.get(op.wseq), op.epoch)) {
                op.acked |= member.bit;
                completeIfHeld(op);
            } else if ((op.acked & member.bit) == 0) {
                rollForward(op, member);
            }
            recycleIfOver(op);
        }
        walks--;
        space.settle(member);
    }

    /** When the oldest operation was sent that this member has not acked, or -1. */
    long oldestUnackedNanos(Member member) {
        for (WriteOp op : tail) {
            if ((op.acked & member.bit) == 0 && !op.complete) {
                return op.sentNanos;
            }
        }
        return -1;
    }

    /** Whether some operation that this member lacks is held by one of {@code others}, which are given by their bits. */
    boolean lagsBehind(Member member, int others) {
        for (WriteOp op : tail) {
            if ((op.acked & member.bit) == 0 && (op.acked & others) != 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether everything up to a wseq is held by every member that counts. */
    boolean committed(long wseq) {
        return commitSeq >= wseq || tail.isEmpty();
    }

    /** Tells the members commitSeq when nothing else does. */
    void tellCommit() {
        if (toldCommitSeq == commitSeq) {
            return;
        }
        toldCommitSeq = commitSeq;
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if (member.takesWrites()) {
                member.link().commit(commitSeq);
            }
        }
    }

    /** The host was told of a failure. What has a wseq stays, and keeps its range, until its epoch ends. */
    void withdraw(WriteOp op) {
        if (op.allotted) {
            return;
        }
        op.withdrawn = true;
        if (!op.locked) {
            drop(op);
        }
    }

    @Override
    public void failed(WriteOp op) {
        drop(op);
    }

    /** Ends an operation that never got a wseq. */
    private void drop(WriteOp op) {
        op.releaseMemory();
        if (op.linked()) {
            lock.release(op);
        }
        op.tell(Status.UNAVAILABLE);
        if (op.place >= 0) {
            queue.finished(op);
        }
    }

    /**
     * An entry of the owner itself that changes no block: told when every member that counts holds it. It carries the
     * largest size asked for: whoever joins behind a growth that is not recorded yet must have it, too.
     */
    void barrier(long blocks, HostVolume.Done done) {
        barrier(blocks, op -> {}, done);
    }

    /**
     * The same.
     *
     * @param allotted told as soon as it has its wseq, before anybody is sent it
     */
    void barrier(long blocks, Consumer<WriteOp> allotted, HostVolume.Done done) {
        grownBlocks = Math.max(grownBlocks, blocks);
        WriteOp op = operation(Replica.Kind.RESIZE, grownBlocks, 1);
        op.from(done, 0);
        op.startedNanos = context.now();
        op.whenAllotted = allotted;
        lock(op);
    }

    /** The owner stopped: gives back the memory of what is under way. */
    void stop() {
        for (WriteOp op : tail) {
            op.tell(Status.FENCED);
            op.releaseMemory();
        }
        for (WriteOp op : ready) {
            op.tell(Status.FENCED);
            op.releaseMemory();
        }
        tail.clear();
        ready.clear();
    }
}
