package storage.cairn.engine.replication;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Held;
import storage.cairn.engine.protocol.ReplicaReport;
import storage.cairn.engine.store.Replica;

/** One replica of an owned volume as its owner sees it: the way to it, its lease, its pace, what it is being given. */
final class Member implements ReplicaLink.Events {
    private static final long EWMA_SHARE = 8;

    final int index;
    final int bit;
    final DiskId disk;
    final Leases.MemberLease lease;
    final SpaceCredits.Account credits = new SpaceCredits.Account();

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Locations locations;
    private @Nullable ReplicaLink link;
    private State state = State.DOWN;
    private @Nullable ReplicaReport report;
    private long reportEpoch;
    private long downSinceNanos;
    private boolean refused;
    private boolean failed;
    private boolean flawed;
    /** Its disk was served when it was asked last, and had no replica of the volume. */
    private boolean absent;

    private boolean leaving;
    private String trouble = "not connected yet";
    private long waitUntilNanos;
    private long retryAtNanos;
    private long latencyNanos;
    private long lastAckNanos;

    /** It gets every write though it is not in sync. */
    boolean forwarding;
    /** Its acks count already: it is about to be in sync. */
    private boolean promoting;

    private int owed;

    long rejoinAtNanos;
    int timesSlow;

    /** How far the way to it is open. */
    enum State {
        DOWN,
        CONNECTING,
        /** Another owner's grant is still live there. */
        WAITING,
        /** EPOCH_SET is under way. */
        SETTING,
        READY
    }

    Member(NodeContext context, VolumeOwner owner, Locations locations, DiskId disk, int index) {
        this.context = context;
        this.owner = owner;
        this.locations = locations;
        this.disk = disk;
        this.index = index;
        this.bit = 1 << index;
        this.lease = new Leases.MemberLease(locations.leases(), disk);
        this.downSinceNanos = context.now();
        this.retryAtNanos = downSinceNanos;
        this.rejoinAtNanos = downSinceNanos;
    }

    State state() {
        return state;
    }

    boolean ready() {
        return state == State.READY;
    }

    /** Whether new writes go to it. */
    boolean takesWrites() {
        return state == State.READY && (forwarding || owner.members().inSync(this));
    }

    boolean promoting() {
        return promoting;
    }

    void promoting(boolean value) {
        promoting = value;
    }

    ReplicaLink link() {
        ReplicaLink present = link;
        if (present == null) {
            throw new IllegalStateException("no way to disk " + disk);
        }
        return present;
    }

    /** What it held when it answered EPOCH_SET of {@link #reportEpoch}. */
    ReplicaReport report() {
        ReplicaReport present = report;
        if (present == null) {
            throw new IllegalStateException("disk " + disk + " has not reported");
        }
        return present;
    }

    long reportEpoch() {
        return report == null ? 0 : reportEpoch;
    }

    long downSinceNanos() {
        return downSinceNanos;
    }

    String trouble() {
        return trouble;
    }

    long waitLeftNanos() {
        return state == State.WAITING ? Math.max(0, waitUntilNanos - context.now()) : 0;
    }

    boolean local() {
        ReplicaLink present = link;
        return present != null && present.local();
    }

    long latencyNanos() {
        return latencyNanos;
    }

    void measured(long nanos) {
        latencyNanos = latencyNanos == 0 ? nanos : latencyNanos + (nanos - latencyNanos) / EWMA_SHARE;
    }

    /** Counts the operations that were completed without it and that it has not answered yet. */
    void owes(int more) {
        owed += more;
        if (owed == 0 && promoting) {
            owner.touch();
        }
    }

    boolean owesAnswers() {
        return owed > 0;
    }

    void acked(long nowNanos) {
        lastAckNanos = nowNanos;
    }

    long lastAckNanos() {
        return lastAckNanos;
    }

    /** How long it has been out of reach: 0 while it is, in nanoseconds. */
    long outNanos(long nowNanos) {
        if (state == State.READY || state == State.SETTING) {
            long silent = link().silentNanos(nowNanos);
            long limit = NodeContext.nanos(context.settings.failures().silenceMillis());
            return Math.max(0, silent - limit);
        }
        return state == State.WAITING ? 0 : nowNanos - downSinceNanos;
    }

    /** How long it may be out of reach before it is taken out. */
    long graceNanos() {
        NodeSettings.Failures failures = context.settings.failures();
        if (failed) {
            return 0;
        }
        return NodeContext.nanos(refused ? failures.refusedGraceMillis() : failures.graceMillis());
    }

    /** Opens the way to it, if that is due and its disk's place is known. */
    void connect() {
        if (flawed && owner.members().inSync(this)) {
            return;
        }
        if (state == State.WAITING && waitLeftNanos() > 0) {
            return;
        }
        if ((state != State.DOWN && state != State.WAITING) || retryAtNanos - context.now() > 0) {
            return;
        }
        retryAtNanos =
                context.now() + NodeContext.nanos(context.settings.failures().reconnectMillis());
        ReplicaLink fresh = locations.linkTo(disk, owner.hello(disk), this);
        if (fresh == null) {
            trouble = locations.whyAbsent(disk);
            absent |= locations.lacks(disk, owner.volume());
            if (state == State.WAITING) {
                down();
            }
            return;
        }
        state = State.CONNECTING;
        link = fresh;
        fresh.open();
    }

    @Override
    public void welcomed(ReplicaReport welcome) {
        Configuration current = owner.membership().current();
        if (welcome.configuration().provesRollBackOf(current)) {
            owner.replicaAhead(this, welcome.configuration());
            return;
        }
        absent = false;
        state = State.SETTING;
        setEpoch();
    }

    /** Tells it the present configuration, behind everything sent before. */
    void setEpoch() {
        if (state != State.SETTING && state != State.READY) {
            return;
        }
        Configuration configuration = owner.membership().current();
        ReplicaLink through = link();
        long sent = context.now();
        through.epochSet(configuration, owner.writes().lastWseq() + 1, (status, answer) -> {
            if (through.equals(link)) {
                epochAnswered(status, answer, configuration.epoch(), sent);
            }
        });
        owner.touch();
    }

    private void epochAnswered(Status status, @Nullable ReplicaReport answer, long epoch, long sentNanos) {
        if (status != Status.OK || answer == null) {
            fail(status, "it answered " + status + " to EPOCH_SET of epoch " + epoch);
            return;
        }
        lease.epochSet(epoch, sentNanos, context.now(), answer.grantId());
        report = answer;
        reportEpoch = epoch;
        owner.members().took(this, epoch);
        boolean first = state == State.SETTING;
        state = State.READY;
        refused = false;
        failed = false;
        trouble = "";
        if (first) {
            context.log.event(
                    Log.Level.DEBUG,
                    owner.name(),
                    epoch,
                    "ReplicaConnected",
                    "disk " + disk + ", commitSeq " + answer.commitSeq() + ", "
                            + answer.tail().size() + " entries above it");
        }
        owner.memberReady(this, first);
    }

    List<Replica.TailEntry> heldTail() {
        return report().tail().stream().map(Kinds::entry).toList();
    }

    /** Highest wseq it has told to hold. */
    long highestWseq() {
        ReplicaReport present = report();
        long highest = Math.max(present.highestWseq(), present.commitSeq());
        for (Held held : present.tail()) {
            highest = Math.max(highest, held.wseq());
        }
        return highest;
    }

    @Override
    public void waits(long millis) {
        link = null;
        state = State.WAITING;
        waitUntilNanos = context.now() + NodeContext.nanos(millis);
        retryAtNanos = waitUntilNanos;
        // It lives: its grace begins anew when the wait is over.
        downSinceNanos = waitUntilNanos;
        owner.memberWaits(this);
    }

    @Override
    public void leaving() {
        leaving = true;
        owner.log(Log.Level.INFO, "ReplicaLeaves", "disk " + disk + ": its node shuts down");
        owner.memberLeaves(this);
    }

    boolean isLeaving() {
        return leaving;
    }

    /** It is taken out, and needed no more. */
    void letGo(UUID incarnation, String reason) {
        rejoinAtNanos =
                context.now() + NodeContext.nanos(context.settings.background().rebuildRetryMillis());
        if (state == State.READY) {
            ReplicaLink through = link();
            through.release(incarnation, (tag, status) -> {
                if (through.equals(link)) {
                    close(reason);
                }
            });
        }
    }

    @Override
    public void ended(Status status, String reason, boolean refusedNow) {
        trouble = reason;
        absent |= status == Status.NOT_FOUND;
        refused = refusedNow;
        boolean wasReady = state == State.READY;
        link = null;
        down();
        if (status == Status.STALE_EPOCH) {
            owner.membership().read();
        }
        if (wasReady) {
            context.log.event(
                    Log.Level.WARN,
                    owner.name(),
                    owner.membership().current().epoch(),
                    "ReplicaLost",
                    "disk " + disk + ": " + reason);
        }
        owner.memberDown(this);
    }

    private void down() {
        if (state != State.DOWN && state != State.CONNECTING) {
            downSinceNanos = context.now();
        }
        state = State.DOWN;
        credits.forget();
        forwarding = false;
        promoting = false;
        leaving = false;
        report = null;
    }

    /** It answered with an error that no waiting mends: its way is closed, and it is taken out without grace. */
    void fail(Status status, String reason) {
        if (state == State.DOWN) {
            return;
        }
        close(reason);
        failed = status != Status.STALE_EPOCH && status != Status.CONFLICT;
        trouble = reason;
        context.log.event(
                Log.Level.WARN,
                owner.name(),
                owner.membership().current().epoch(),
                "ReplicaFailed",
                "disk " + disk + ": " + reason);
        if (status == Status.STALE_EPOCH) {
            owner.membership().read();
        }
        owner.memberDown(this);
    }

    void close(String reason) {
        ReplicaLink present = link;
        link = null;
        if (state != State.DOWN) {
            if (state == State.CONNECTING || state == State.WAITING) {
                state = State.DOWN;
            } else {
                down();
            }
        }
        trouble = reason;
        if (present != null) {
            present.close(reason);
        }
    }

    /** It lacks what it must have: it is taken out, and rejoins by comparing everything. */
    void flawed() {
        flawed = true;
        close("it lacks acked writes");
        owner.memberDown(this);
    }

    boolean isFlawed() {
        return flawed;
    }

    /** Its disk was replaced by an empty one, or forgot it. */
    boolean isAbsent() {
        return absent;
    }

    /** From which wseq on it lacks writes when it is taken out: nothing is expected of one that is flawed or absent. */
    long lacksSince(long commitSeq) {
        return flawed || absent ? 0 : commitSeq;
    }

    void mended() {
        flawed = false;
    }

    /** It was silent for longer than its grace: its way is closed, as of when it fell silent. */
    void giveUp() {
        long since = context.now() - outNanos(context.now());
        close("no sign of life");
        downSinceNanos = since;
        owner.memberDown(this);
    }

    /** Sends a heartbeat if one is due. */
    void heartbeat(long nowNanos) {
        if (state == State.READY || state == State.SETTING) {
            link().heartbeat(
                            nowNanos,
                            NodeContext.nanos(context.settings.failures().heartbeatMillis()));
        }
    }

    void retryAfterMillis(long millis) {
        retryAtNanos = context.now() + NodeContext.nanos(millis);
    }
}
