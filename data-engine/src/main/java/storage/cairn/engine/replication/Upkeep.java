package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;

/**
 * Keeps a served volume's membership true: takes out replicas that fail, sets aside those that are too slow, and
 * carries out the changes that were asked for, one after the other.
 */
final class Upkeep {
    private static final int MOST_TIMES_SLOW = 4;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Members members;
    private final Rebuilds rebuilds;
    private final ArrayDeque<Request> requests = new ArrayDeque<>();

    /** A change that somebody asked for. */
    interface Request {
        /** Adds itself to {@code change}; false: it is void meanwhile. */
        boolean change(Change change);

        void applied();

        /**
         * It will not happen.
         *
         * @param reason empty when it was void
         */
        void dropped(String reason);
    }

    /** The owner stopped: nothing that was asked for happens any more. */
    void stop(String reason) {
        List<Request> open = List.copyOf(requests);
        requests.clear();
        for (Request request : open) {
            request.dropped(reason);
        }
    }

    Upkeep(NodeContext context, VolumeOwner owner, Members members, Rebuilds rebuilds) {
        this.context = context;
        this.owner = owner;
        this.members = members;
        this.rebuilds = rebuilds;
    }

    void request(Request request) {
        requests.add(request);
        owner.touch();
        step();
    }

    /** Whether something about the members is to be watched: not all of them are in sync and connected. */
    boolean busy() {
        if (!requests.isEmpty() || rebuilds.busy()) {
            return true;
        }
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if (members.named(member) && (!member.ready() || !members.inSync(member))) {
                return true;
            }
        }
        return false;
    }

    /** Looks after the ways to the members; called often while something is under way. */
    void watch() {
        long now = context.now();
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            member.heartbeat(now);
            boolean open = member.state() == Member.State.READY || member.state() == Member.State.SETTING;
            if (open && member.outNanos(now) > 0 && member.outNanos(now) >= member.graceNanos()) {
                member.giveUp();
            } else if (members.inSync(member)) {
                member.connect();
                askForLease(member, now);
            }
            if (owner.stopped()) {
                return;
            }
        }
    }

    /** Reads wait for a lease that its node does not renew: asks the replica itself, and so learns if it lives. */
    private void askForLease(Member member, long now) {
        if (owner.reads().waiting()
                && member.ready()
                && !member.lease.heldAt(now)
                && member.link().outstanding() == 0) {
            member.setEpoch();
        }
    }

    /** A way to a member was opened anew, and it told what it holds. */
    void connected(Member member) {
        if (!members.inSync(member)) {
            rebuilds.connected(member);
            return;
        }
        String flaw = Takeover.flaw(member, owner.writes().commitSeq());
        if (flaw.isEmpty()) {
            owner.writes().resend(member, member.heldTail());
            return;
        }
        owner.log(Log.Level.WARN, "ReplicaFlawed", "disk " + member.disk + flaw);
        member.flawed();
    }

    /** A repair found other mappings than those that read as bad: perhaps there are none any more. */
    void suspect(Member member, long extent) {
        member.link().describe(extent, (tag, status, content) -> {
            if (status == Status.OK && content != null && content.lost()) {
                mapLost(member, extent);
            }
        });
    }

    /**
     * A member's disk lost the page that tells what an extent maps to. No repair of blocks mends that; rejoining does,
     * by comparing everything. Where the member cannot be missed it stays, for what it still holds.
     */
    void mapLost(Member member, long extent) {
        Configuration current = owner.membership().current();
        boolean spared = current.inSync().size() > current.minInSync() && othersReady(member);
        if (owner.stopped() || !members.inSync(member) || member.isFlawed()) {
            return;
        }
        owner.log(
                spared ? Log.Level.WARN : Log.Level.ERROR,
                "MapLost",
                "disk " + member.disk + " lost the map of extent " + extent
                        + (spared ? "; it rejoins" : "; it cannot be missed now"));
        if (spared) {
            member.flawed();
        }
    }

    private boolean othersReady(Member member) {
        for (int i = 0; i < members.count(); i++) {
            Member other = members.at(i);
            if (other != member && other.ready() && !other.isLeaving() && members.inSync(other)) {
                return true;
            }
        }
        return false;
    }

    /** Does the next change that is due, unless one is under way. */
    void step() {
        if (owner.membership().busy() || !owner.serves()) {
            return;
        }
        Configuration current = owner.membership().current();
        if (takeOutFailed(current)) {
            return;
        }
        if (!takeOutLeaving(current)
                && !setAsideSlow(current)
                && !dropLostSyncing(current)
                && !nextRequest(current)
                && !place(current)) {
            rebuilds.step();
        }
    }

    /** One step towards the disks that the volume is wanted on. */
    private boolean place(Configuration current) {
        Placements.Step next = owner.placements().next(current, members, rebuilds);
        if (next == null) {
            return false;
        }
        Member leaves = next.leaves();
        Runnable whenApplied = leaves == null ? () -> {} : () -> owner.letGo(leaves, "it is no replica any more");
        owner.propose(next.change(), next.event(), next.detail(), whenApplied, () -> {});
        return true;
    }

    private boolean takeOutFailed(Configuration current) {
        List<Member> failed = failed(current);
        if (failed.isEmpty()) {
            return false;
        }
        Change change = new Change(current);
        for (Member member : failed) {
            change.outOfSync(member.disk, member.lacksSince(owner.writes().commitSeq()));
        }
        boolean alive = false;
        for (DiskId disk : current.inSync()) {
            Member member = members.of(disk);
            alive |= member != null && member.ready() && !failed.contains(member);
        }
        if (!alive || change.inSyncCount() < current.minInSync()) {
            return false;
        }
        StringBuilder text = new StringBuilder();
        for (Member member : failed) {
            text.append("disk ")
                    .append(member.disk)
                    .append(" (")
                    .append(member.trouble())
                    .append(") ");
        }
        owner.propose(change, "TakenOut", text + "commitSeq " + owner.writes().commitSeq());
        return true;
    }

    /** Takes out who says that its node shuts down, while it still serves: no write has to wait for it. */
    private boolean takeOutLeaving(Configuration current) {
        for (DiskId disk : current.inSync()) {
            Member member = members.of(disk);
            if (member == null
                    || !member.isLeaving()
                    || current.inSync().size() - 1 < current.minInSync()
                    || !othersReady(member)) {
                continue;
            }
            owner.propose(
                    new Change(current).outOfSync(disk, owner.writes().commitSeq()),
                    "LetGo",
                    "disk " + disk + ", whose node shuts down; commitSeq "
                            + owner.writes().commitSeq(),
                    () -> owner.letGo(member, "its node shut down"),
                    () -> {});
            return true;
        }
        return false;
    }

    /** In-sync members that were out of reach for longer than their grace. */
    private List<Member> failed(Configuration current) {
        List<Member> failed = new ArrayList<>();
        for (DiskId disk : current.inSync()) {
            Member member = members.of(disk);
            if (member != null && !member.ready() && isFailed(member)) {
                failed.add(member);
            }
        }
        return failed;
    }

    private boolean isFailed(Member member) {
        return member.isFlawed() || member.outNanos(context.now()) >= member.graceNanos();
    }

    private boolean setAsideSlow(Configuration current) {
        if (current.inSync().size() - 1 < current.minInSync()) {
            return false;
        }
        NodeSettings settings = context.settings;
        for (DiskId disk : current.inSync()) {
            Member member = members.of(disk);
            if (member == null || !member.ready()) {
                continue;
            }
            long oldest = owner.writes().oldestUnackedNanos(member);
            boolean late = oldest >= 0
                    && context.now() - oldest
                            > NodeContext.nanos(settings.failures().slowMillis());
            boolean much = member.link().queuedBytes() > settings.limits().backlogBytes();
            if ((late || much) && othersGoOn(current, member)) {
                long pause = settings.failures().slowBackoffMillis() << Math.min(member.timesSlow, MOST_TIMES_SLOW);
                member.timesSlow++;
                member.rejoinAtNanos = context.now() + NodeContext.nanos(pause);
                member.forwarding = true;
                owner.propose(
                        new Change(current).syncing(disk, owner.writes().commitSeq()),
                        "SetAside",
                        "disk " + disk + " is slow: " + (late ? "an ack is late" : "its backlog is too large")
                                + "; it may rejoin in " + pause + " ms");
                return true;
            }
        }
        return false;
    }

    /** Whether enough other in-sync members show signs of life, and one of these has acked what this one lacks. */
    private boolean othersGoOn(Configuration current, Member slow) {
        int others = 0;
        for (int i = 0; i < members.count(); i++) {
            Member other = members.at(i);
            boolean heard = other.ready() && other.outNanos(context.now()) == 0;
            if (other != slow && heard && current.inSync().contains(other.disk)) {
                others |= other.bit;
            }
        }
        return Integer.bitCount(others) >= current.minInSync() && owner.writes().lagsBehind(slow, others);
    }

    private boolean dropLostSyncing(Configuration current) {
        for (Stale stale : current.syncing()) {
            Member member = members.of(stale.replica());
            if (member == null) {
                continue;
            }
            boolean choked = member.ready()
                    && member.link().queuedBytes()
                            > 2 * context.settings.limits().backlogBytes();
            if (choked) {
                member.close("its backlog is too large");
                return true;
            }
            if (!member.ready() && !rebuilds.works(member) && isFailed(member)) {
                owner.propose(
                        new Change(current).outOfSync(member.disk, member.lacksSince(stale.sinceSeq())),
                        "TakenOut",
                        "disk " + member.disk + " while it was being rebuilt: " + member.trouble());
                return true;
            }
        }
        return false;
    }

    private boolean nextRequest(Configuration current) {
        Request request = requests.poll();
        if (request == null) {
            return false;
        }
        Change change = new Change(current);
        if (!request.change(change)) {
            request.dropped("");
            return nextRequest(current);
        }
        requests.addFirst(request);
        owner.propose(
                change,
                "Changing",
                "as asked",
                () -> {
                    requests.remove(request);
                    request.applied();
                },
                () -> {});
        return true;
    }

    /** Members that a promotion may take out in the same change: they cannot be reached. */
    List<DiskId> swappable(Configuration current) {
        List<DiskId> disks = new ArrayList<>();
        for (Member member : failed(current)) {
            disks.add(member.disk);
        }
        return disks;
    }
}
