package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Owner;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.protocol.ReplicaReport;
import storage.cairn.engine.store.Replica;

/**
 * One replica of this node as its owners meet it: one client at a time, operations in the order of their arrival where
 * they overlap, epochs, and the grant that the present owner may rely on.
 */
final class ReplicaSlot {
    private static final int KEPT_OPS = 256;
    /** Most operations of one replica that its store has at once: a share of what a store takes. */
    private static final int MAX_SUBMITTED = 1_024;

    private static final long BUSY_RETRY_NANOS = NodeContext.NANOS_PER_MILLI;

    private final NodeContext context;
    private final ServedDisk disk;
    private final Replica replica;
    private final Revoked revoked;
    private final RangeLock lock = new RangeLock();
    private final ArrayDeque<ReplicaOp> free = new ArrayDeque<>();
    private final List<Runnable> whenDrained = new ArrayList<>();
    /** They have their ranges, and wait until fewer are under way. */
    private final ArrayDeque<ReplicaOp> crowded = new ArrayDeque<>();
    /** The replica had no room for them yet: they keep their ranges and are handed to it again. */
    private final ArrayDeque<ReplicaOp> busy = new ArrayDeque<>();

    private ReplicaClient client = ReplicaClient.NOBODY;
    private @Nullable Hello claim;
    /** The newest claim that had to wait: its configuration was decided, so that older ones are of the past. */
    private int rivalTerm;

    private long rivalEpoch;
    private boolean epochSet;
    /** Its client has given its grant back: what it asked for before gives none any more. */
    private boolean released;
    /** Operations under way that bring what was admitted before. */
    private int rollForwards;
    /** Its client sends no more of them that need what is kept aside. */
    private boolean settling;

    private int submitted;
    private boolean gone;
    private boolean leaving;
    private boolean farewellSaid;
    private boolean rejoined;
    private final ReplicaGrant grant;

    /** Told when a grant will not be renewed any more, so that an owner on this node hears of it at once. */
    interface Revoked {
        void revoked(GrantSession session, Grant.Exception exception);
    }

    ReplicaSlot(NodeContext context, ServedDisk disk, Replica replica, Revoked revoked) {
        this.context = context;
        this.disk = disk;
        this.replica = replica;
        this.revoked = revoked;
        this.grant = new ReplicaGrant(context);
    }

    VolumeId volume() {
        return replica.volume();
    }

    Replica replica() {
        return replica;
    }

    /** Whether it is as it was made: no owner ever came. */
    boolean isBlank() {
        Configuration made = replica.configuration();
        return made.epoch() == 1 && made.owner() == null && replica.highestWseq() == 0;
    }

    /** What became of a HELLO. */
    sealed interface Claimed {
        record Welcome(ReplicaReport report) implements Claimed {}

        record Wait(long millis) implements Claimed {}

        record Refused(Status status, String reason) implements Claimed {}
    }

    interface ClaimAnswer {
        void claimed(Claimed outcome);
    }

    /**
     * A client says HELLO: unless it is of the past or must wait for another's grant, it takes the place of the one
     * before it, and is welcomed once everything that one had submitted is drained.
     */
    void claim(ReplicaClient newcomer, Hello hello, ClaimAnswer answer) {
        Configuration known = replica.configuration();
        if (gone || disk.failure() != null) {
            answer.claimed(new Claimed.Refused(Status.DISK_FAILED, "disk " + disk.id() + " is not in use"));
            return;
        }
        if (leaving && joins(hello)) {
            answer.claimed(new Claimed.Refused(Status.UNAVAILABLE, "the node of disk " + disk.id() + " shuts down"));
            return;
        }
        Hello present = claim;
        if (older(hello, known.storeTerm(), known.epoch())
                || (present != null && older(hello, present.storeTerm(), present.epoch()))
                || older(hello, rivalTerm, rivalEpoch)) {
            answer.claimed(new Claimed.Refused(
                    Status.STALE_EPOCH,
                    "volume " + known.name() + " has epoch " + known.epoch() + " on disk " + disk.id()
                            + ", the caller claims epoch " + hello.epoch()));
            return;
        }
        long waitMillis = waitMillis(hello.incarnation(), hello.node());
        if (waitMillis > 0 && !joins(hello)) {
            rivalTerm = hello.storeTerm();
            rivalEpoch = hello.epoch();
            answer.claimed(new Claimed.Wait(waitMillis));
            return;
        }
        dismiss("a newer stream of node " + hello.node() + " took its place");
        client = newcomer;
        claim = hello;
        drained(() -> {
            if (!client.equals(newcomer)) {
                answer.claimed(new Claimed.Refused(Status.CONFLICT, "a newer stream took its place"));
            } else {
                replica.voidCredits();
                answer.claimed(new Claimed.Welcome(report()));
                if (leaving) {
                    sayFarewell(newcomer);
                }
            }
        });
    }

    /** This node shuts down: whoever counts on this replica is told, and nobody begins to rebuild it. */
    void leaving() {
        leaving = true;
        if (hasClient()) {
            sayFarewell(client);
        }
    }

    private void sayFarewell(ReplicaClient to) {
        farewellSaid = true;
        to.leaving();
    }

    boolean hasClient() {
        return !client.equals(ReplicaClient.NOBODY);
    }

    /** Whether an owner was told that this node shuts down. */
    boolean farewellSaid() {
        return farewellSaid;
    }

    private static boolean joins(Hello hello) {
        return hello.role() == Hello.Role.JOINING_REPLICA;
    }

    private static boolean older(Hello hello, int storeTerm, long epoch) {
        return hello.storeTerm() != storeTerm ? hello.storeTerm() < storeTerm : hello.epoch() < epoch;
    }

    /** The client's stream ended: what it had waiting is dropped, what it had submitted completes. */
    void leave(ReplicaClient leaver) {
        if (client.equals(leaver)) {
            drop(leaver);
        }
    }

    private void dismiss(String reason) {
        ReplicaClient old = client;
        drop(old);
        old.superseded(reason);
    }

    private void drop(ReplicaClient old) {
        client = ReplicaClient.NOBODY;
        epochSet = false;
        // What it had sent and is dropped here comes again.
        settling = false;
        released = false;
        dropWaiting(old);
    }

    private void dropWaiting(ReplicaClient of) {
        RangeLock.Entry next;
        for (RangeLock.Entry entry = lock.first(); entry != null; entry = next) {
            next = entry.next();
            if (entry instanceof ReplicaOp op && op.client.equals(of) && op.waits()) {
                op.dropped = true;
            }
        }
    }

    private void drained(Runnable task) {
        if (lock.size() == 0) {
            task.run();
        } else {
            whenDrained.add(task);
        }
    }

    ReplicaReport report() {
        return new ReplicaReport(
                disk.grantId(),
                replica.damaged() && !rejoined,
                replica.configuration(),
                replica.commitSeq(),
                replica.highestWseq(),
                Kinds.held(replica.tail()));
    }

    ReplicaOp operation(ReplicaClient of, ReplicaOp.Kind kind, long tag) {
        ReplicaOp op = free.poll();
        if (op == null) {
            op = new ReplicaOp(this);
        }
        op.client = of;
        op.kind = kind;
        op.tag = tag;
        return op;
    }

    /** Takes an operation in the order of its arrival. */
    void accept(ReplicaOp op) {
        if (!op.client.equals(client)) {
            refuse(op, Status.UNAVAILABLE);
            return;
        }
        if (released && op.kind == ReplicaOp.Kind.EPOCH_SET) {
            refuse(op, Status.UNAVAILABLE);
            return;
        }
        if (!epochSet && op.kind != ReplicaOp.Kind.EPOCH_SET) {
            refuse(op, Status.STALE_EPOCH);
            return;
        }
        if (op.kind == ReplicaOp.Kind.EPOCH_SET) {
            epochSet = true;
        }
        if (op.kind == ReplicaOp.Kind.ROLL_FORWARD) {
            rollForwards++;
        }
        op.lock(lock);
    }

    /** Called when an operation has its range: nothing before it that overlaps is under way. */
    void submit(ReplicaOp op) {
        if (op.dropped) {
            // Its stream ended while it waited: it is never submitted.
            ended(op);
            unlock(op);
            refuse(op, Status.UNAVAILABLE);
            return;
        }
        if (!epochSet && op.kind != ReplicaOp.Kind.EPOCH_SET && op.client.equals(client)) {
            // The epoch that it came behind was refused.
            ended(op);
            unlock(op);
            refuse(op, Status.STALE_EPOCH);
            return;
        }
        if (op.kind == ReplicaOp.Kind.EPOCH_SET) {
            Status refusal = admit(op);
            if (refusal != Status.OK) {
                epochSet = false;
                unlock(op);
                refuse(op, refusal);
                return;
            }
        }
        if (submitted >= MAX_SUBMITTED) {
            crowded.add(op);
            return;
        }
        submitted++;
        op.run(replica);
    }

    private Status admit(ReplicaOp op) {
        Configuration next = op.configuration;
        Hello hello = claim;
        if (next == null || hello == null || !next.volume().equals(replica.volume())) {
            return Status.INVALID;
        }
        Owner owner = next.owner();
        if (owner == null || !owner.incarnation().equals(hello.incarnation())) {
            return Status.INVALID;
        }
        Configuration known = replica.configuration();
        if (!next.newerThan(known) && !next.equals(known)) {
            return Status.STALE_EPOCH;
        }
        if (next.storeTerm() != rivalTerm ? next.storeTerm() < rivalTerm : next.epoch() < rivalEpoch) {
            return Status.STALE_EPOCH;
        }
        // Whoever serves without this replica has fenced the owners before it; who needs it must wait for their grants.
        boolean joins = joins(hello) && !next.inSync().contains(disk.id());
        if (!joins && waitMillis(owner.incarnation(), owner.node()) > 0) {
            return Status.CONFLICT;
        }
        for (Stale stale : next.syncing()) {
            if (stale.replica().equals(disk.id())) {
                rejoined = true;
            }
        }
        if (!released) {
            grant.give(disk.session(hello.node(), hello.session()), owner.incarnation());
        }
        return Status.OK;
    }

    void completed(ReplicaOp op, Status status) {
        submitted--;
        if (submitted < 0) {
            throw new IllegalStateException("a replica completed an operation twice");
        }
        if (status == Status.BUSY) {
            again(op);
            return;
        }
        if (status == Status.CORRUPT && !op.kind.exclusive()) {
            disk.countChecksumError();
        }
        ended(op);
        unlock(op);
        op.client.completed(op, status);
        recycle(op);
        ReplicaOp next = crowded.poll();
        if (next != null) {
            submit(next);
        }
    }

    /** More is under way than the replica takes: its owner notices by acks that come late, not by a failure. */
    private void again(ReplicaOp op) {
        busy.add(op);
        if (busy.size() == 1) {
            context.clock.after(BUSY_RETRY_NANOS, () -> {
                for (int left = busy.size(); left > 0; left--) {
                    submit(busy.remove());
                }
            });
        }
    }

    private void unlock(ReplicaOp op) {
        lock.release(op);
        if (lock.size() == 0 && !whenDrained.isEmpty()) {
            List<Runnable> tasks = List.copyOf(whenDrained);
            whenDrained.clear();
            tasks.forEach(Runnable::run);
        }
    }

    private void refuse(ReplicaOp op, Status status) {
        context.clock.execute(() -> {
            op.client.completed(op, status);
            recycle(op);
        });
    }

    private void recycle(ReplicaOp op) {
        op.clear();
        if (free.size() < KEPT_OPS) {
            free.push(op);
        }
    }

    /**
     * Slots that the client may count on, at most {@code wanted}. Whoever asks has sent again what it had admitted on
     * credits of before; with 0 it says no more than that.
     */
    int credits(ReplicaClient of, long epoch, int wanted) {
        if (!of.equals(client) || !epochSet) {
            return 0;
        }
        settling = true;
        settle();
        return replica.grantCredits(epoch, wanted);
    }

    private void ended(ReplicaOp op) {
        if (op.kind == ReplicaOp.Kind.ROLL_FORWARD) {
            rollForwards--;
            settle();
        }
    }

    private void settle() {
        if (settling && rollForwards == 0) {
            settling = false;
            replica.settleCredits();
        }
    }

    void commit(ReplicaClient of, long commitSeq) {
        if (of.equals(client) && epochSet) {
            replica.commit(commitSeq);
        }
    }

    ReplicaGrant grant() {
        return grant;
    }

    /** An owner relies on this replica no more: nothing that its client has sent brings the grant back. */
    void release(ReplicaClient of, UUID incarnation) {
        grant.giveBack(incarnation);
        released |= of.equals(client);
    }

    /**
     * Whether a grant of the disk's last stay may still be live: until the silence is over, or the very owner that it
     * can only have been given to has come again.
     */
    boolean mayHaveForgottenGrants() {
        return !grant.everGiven()
                && disk.silentLeftNanos() > 0
                && replica.configuration().owner() != null;
    }

    /** How long another owner must wait; from now on the present grant is not renewed. 0: come in. */
    private long waitMillis(UUID incarnation, int node) {
        Owner persisted = replica.configuration().owner();
        boolean known = grant.isOf(incarnation)
                || (persisted != null && persisted.incarnation().equals(incarnation));
        if (known) {
            return 0;
        }
        revoke("node " + node);
        // Whoever has a grant now has waited for those that are forgotten, is who had them, or fenced who had them.
        long left = Math.max(grant.leftNanos(), grant.everGiven() ? 0 : disk.silentLeftNanos());
        return left <= 0 ? 0 : NodeContext.millis(left);
    }

    private void revoke(String reason) {
        Configuration known = replica.configuration();
        Grant.Exception exception =
                new Grant.Exception(known.volume().uuid(), disk.id().uuid(), known.epoch());
        GrantSession session = grant.revoke(exception);
        if (session != null) {
            context.log.event(
                    Log.Level.INFO,
                    known.name(),
                    known.epoch(),
                    "GrantRevoked",
                    "disk " + disk.id() + " renews no grant for node " + session.node + " any more, on behalf of "
                            + reason);
            revoked.revoked(session, exception);
        }
    }

    /** Erases the replica by what a quorum read gave, a tombstone or that it was left, once no owner may rely on it. */
    void erase(Configuration seen, Replica.Done done) {
        if (gone) {
            context.clock.execute(() -> done.done(0, Status.NOT_FOUND));
            return;
        }
        Configuration known = replica.configuration();
        boolean over = seen.deleted()
                ? seen.volume().equals(known.volume()) && seen.newerThan(known)
                : !hasClient() && !claimedAfter(seen) && leftBy(seen);
        if (!over) {
            context.clock.execute(() -> done.done(0, Status.CONFLICT));
            return;
        }
        revoke("its end");
        long left = Math.max(grant.leftNanos(), 0);
        if (left > 0) {
            context.clock.after(left, () -> erase(seen, done));
            return;
        }
        gone = true;
        dismiss("the replica is erased");
        drained(() -> disk.erase(this, done));
    }

    private boolean leftBy(Configuration seen) {
        return Departures.whyKept(replica.configuration(), seen, disk.id()).isEmpty();
    }

    private boolean claimedAfter(Configuration seen) {
        return rivalTerm != seen.storeTerm() ? rivalTerm > seen.storeTerm() : rivalEpoch > seen.epoch();
    }

    /** The disk is gone: nothing more is accepted. */
    void close(String reason) {
        gone = true;
        dismiss(reason);
    }
}
