package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;

/**
 * Brings one stale replica back: it joins and gets every write from then on, every extent that either side changed
 * since is compared and made equal, and then it is promoted.
 */
final class Rebuild {
    private static final int PAGE = 1_024;
    /** What the lists of checksums of an extent weigh on their way. */
    private static final long COMPARE_BYTES = 4_096;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Rebuilds rebuilds;
    private final Members members;
    private final Member target;
    private final Pace pace;
    private final long startedMillis;
    private final List<ExtentCopy> copies = new ArrayList<>();

    private Phase phase = Phase.CONNECTING;
    private long deadlineNanos;
    private long sinceSeq;
    private long joinSeq;
    private long[] extents = new long[PAGE];
    private int total;
    private int begun;
    private int done;
    private int listsUnderWay;
    private long copiedBytes;
    /** Members, by their bits, whose disk lost what some extent maps to: no sources. */
    private int lostSources;

    private boolean timerSet;
    private boolean over;

    private enum Phase {
        CONNECTING,
        JOINING,
        BARRIER,
        LISTING,
        COPYING,
        PROMOTING,
        DECIDING
    }

    Rebuild(NodeContext context, VolumeOwner owner, Rebuilds rebuilds, Members members, Member target) {
        this.context = context;
        this.owner = owner;
        this.rebuilds = rebuilds;
        this.members = members;
        this.target = target;
        this.startedMillis = context.clock.wallMillis();
        this.deadlineNanos =
                context.now() + NodeContext.nanos(context.settings.failures().connectMillis());
        NodeSettings.Background settings = context.settings.background();
        this.pace = new Pace(
                settings.rebuildFloorBytesPerSecond(),
                settings.rebuildBytesPerSecond(),
                context.now(),
                owner.counters().operations());
    }

    Member target() {
        return target;
    }

    NodeView.RebuildView view() {
        return new NodeView.RebuildView(total, done, copiedBytes, startedMillis);
    }

    /** Whether it ended, or its promotion is being decided. */
    boolean over() {
        return over;
    }

    /** The way to the target, the membership or time have moved. */
    void step() {
        if (over || owner.membership().busy() || !owner.serves()) {
            return;
        }
        if (phase == Phase.CONNECTING) {
            if (target.ready()) {
                join();
            } else if (deadlineNanos - context.now() <= 0 && target.waitLeftNanos() == 0) {
                stop("it cannot be reached: " + target.trouble());
            } else {
                target.connect();
            }
        } else if (phase == Phase.DECIDING) {
            decide();
        }
    }

    private @Nullable Stale stale(Configuration current) {
        for (Stale stale : current.syncing()) {
            if (stale.replica().equals(target.disk)) {
                return stale;
            }
        }
        for (Stale stale : current.outOfSync()) {
            if (stale.replica().equals(target.disk)) {
                return stale;
            }
        }
        return null;
    }

    private void join() {
        Configuration current = owner.membership().current();
        Stale stale = stale(current);
        if (stale == null) {
            stop("it is in sync already");
            return;
        }
        // What it says it lost may be anywhere: then everything is compared.
        sinceSeq = target.report().damaged() ? 0 : stale.sinceSeq();
        phase = Phase.JOINING;
        if (current.syncing().contains(new Stale(target.disk, sinceSeq))) {
            joined();
            return;
        }
        owner.propose(
                new Change(current).syncing(target.disk, sinceSeq),
                "Rejoining",
                "disk " + target.disk + " since wseq " + sinceSeq,
                this::joined,
                this::refused);
    }

    private void joined() {
        if (over) {
            return;
        }
        if (!target.ready()) {
            stop("it was lost while it joined");
            return;
        }
        owner.writes().passOver(target.highestWseq());
        phase = Phase.BARRIER;
        joinSeq = Long.MAX_VALUE;
        owner.writes().barrier(owner.blocks(), this::forward, (tag, status) -> {
            if (status != Status.OK) {
                stop("its join was not acked: " + status);
            } else {
                committed();
            }
        });
    }

    /**
     * From its barrier on it gets every write, and none before: the barrier tells it the size, without which it could not
     * take them. What was admitted before is waited for, then the lists hold it.
     */
    private void forward(WriteOp barrier) {
        if (!over) {
            joinSeq = barrier.wseq;
            target.forwarding = true;
        }
    }

    /** Some writes completed: perhaps all that were admitted before it joined. */
    void committed() {
        if (!over && phase == Phase.BARRIER && owner.writes().commitSeq() >= joinSeq) {
            phase = Phase.LISTING;
            listsUnderWay = 2;
            list(target, 0);
            Member source = source();
            if (source == null) {
                stop("no source is connected");
            } else {
                list(source, 0);
            }
        }
    }

    private @Nullable Member source() {
        Member best = null;
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            boolean fit = member.ready() && members.readable(member) && (lostSources & member.bit) == 0;
            if (fit && (best == null || member.local())) {
                best = member;
            }
        }
        return best;
    }

    private void list(Member of, long first) {
        if (!of.ready()) {
            stop("disk " + of.disk + " was lost while its extents were listed");
            return;
        }
        of.link().changedExtents(sinceSeq, first, PAGE, (tag, status, page) -> {
            if (over) {
                return;
            }
            if (status != Status.OK) {
                stop("disk " + of.disk + " answered " + status + " when its extents were listed");
                return;
            }
            for (long extent : page) {
                if (total == extents.length) {
                    extents = Arrays.copyOf(extents, total * 2);
                }
                extents[total++] = extent;
            }
            if (page.length == PAGE) {
                list(of, page[PAGE - 1] + 1);
            } else if (--listsUnderWay == 0) {
                listed();
            }
        });
    }

    private void listed() {
        Arrays.sort(extents, 0, total);
        int unique = 0;
        for (int i = 0; i < total; i++) {
            if (unique == 0 || extents[unique - 1] != extents[i]) {
                extents[unique++] = extents[i];
            }
        }
        total = unique;
        phase = Phase.COPYING;
        owner.log(Log.Level.INFO, "Rebuilding", "disk " + target.disk + ": " + total + " extents to compare");
        pump();
    }

    private void pump() {
        int most = context.settings.background().rebuildExtents();
        while (!over && phase == Phase.COPYING && begun < total && copies.size() < most) {
            pace.look(owner.queue().admitted(), owner.counters().operations(), context.now());
            long wait = pace.waitNanos(context.now());
            if (wait > 0) {
                if (!timerSet) {
                    timerSet = true;
                    context.clock.after(wait, () -> {
                        timerSet = false;
                        pump();
                    });
                }
                return;
            }
            Member source = source();
            if (source == null) {
                stop("no source is connected");
                return;
            }
            pace.pay(COMPARE_BYTES, context.now());
            start(source, extents[begun++]);
        }
        if (!over && phase == Phase.COPYING && done == total) {
            promote();
        }
    }

    private void start(Member source, long extent) {
        ExtentCopy copy = new ExtentCopy(context, owner, this, source, target, sinceSeq, extent);
        copies.add(copy);
        copy.begin();
    }

    void copied(ExtentCopy copy, int blocks) {
        copies.remove(copy);
        if (over) {
            return;
        }
        done++;
        long bytes = (long) blocks * BlockDevice.BLOCK_BYTES;
        copiedBytes += bytes;
        pace.pay(bytes, context.now());
        pump();
    }

    /** A source cannot say what an extent maps to: another one is asked, where there is one. */
    void sourceLost(ExtentCopy copy, Member source, long extent) {
        lostSources |= source.bit;
        copies.remove(copy);
        copy.stop();
        owner.upkeep().mapLost(source, extent);
        Member other = over || phase != Phase.COPYING ? null : source();
        if (other == null) {
            stop("no other replica can tell what extent " + extent + " maps to");
            return;
        }
        start(other, extent);
    }

    void failed(ExtentCopy copy, String reason) {
        copies.remove(copy);
        stop(reason);
    }

    /** Its acks count from here on; the barrier is acked only after everything that was forwarded before. */
    private void promote() {
        if (!target.ready()) {
            stop("it was lost before its promotion");
            return;
        }
        phase = Phase.PROMOTING;
        target.promoting(true);
        members.consider(owner.membership());
        owner.reads().reconsider();
        owner.writes().barrier(owner.blocks(), (tag, status) -> {
            if (over) {
                return;
            }
            if (status != Status.OK) {
                stop("its last writes were not acked: " + status);
                return;
            }
            phase = Phase.DECIDING;
            owner.touch();
            context.clock.execute(this::step);
        });
    }

    private void decide() {
        if (!target.ready() || !target.promoting()) {
            stop("it was lost before its promotion");
            return;
        }
        if (!target.lease.heldAt(context.now()) || target.lease.frozen()) {
            stop("it has not granted");
            return;
        }
        if (target.owesAnswers()) {
            // Its disk may yet refuse the data of one that was completed without it.
            return;
        }
        Configuration current = owner.membership().current();
        Change change = new Change(current).inSync(target.disk);
        StringBuilder text = new StringBuilder("disk " + target.disk + ", " + copiedBytes + " bytes copied");
        for (DiskId disk : owner.upkeep().swappable(current)) {
            Member dead = members.of(disk);
            if (dead != null && change.inSyncCount() > current.minInSync()) {
                change.outOfSync(disk, dead.lacksSince(owner.writes().commitSeq()));
                text.append("; in place of disk ").append(disk);
            }
        }
        over = true;
        owner.propose(change, "Promoting", text.toString(), this::promoted, this::refused);
    }

    /** The configuration store took no change: nothing of this rebuild counts. */
    private void refused() {
        over = false;
        stop("the configuration store refused its change");
    }

    private void promoted() {
        target.promoting(false);
        target.forwarding = false;
        target.mended();
        members.consider(owner.membership());
        owner.log(
                Log.Level.INFO,
                "RebuildDone",
                "disk " + target.disk + ": " + total + " extents compared, " + copiedBytes + " bytes copied");
        rebuilds.ended(copiedBytes, true);
    }

    /** The way to the target is gone, and with it what was forwarded. */
    void lost() {
        if (over && owner.membership().busy()) {
            // The promotion is decided already; whatever comes of it, this rebuild is over.
            rebuilds.ended(copiedBytes, false);
            return;
        }
        stop("it was lost: " + target.trouble());
    }

    void stop(String reason) {
        if (over) {
            return;
        }
        over = true;
        owner.log(Log.Level.WARN, "RebuildStopped", "disk " + target.disk + ": " + reason);
        for (ExtentCopy copy : List.copyOf(copies)) {
            copy.stop();
        }
        copies.clear();
        target.rejoinAtNanos =
                context.now() + NodeContext.nanos(context.settings.background().rebuildRetryMillis());
        target.forwarding = false;
        target.promoting(false);
        rebuilds.ended(copiedBytes, false);
        target.close(reason);
        if (!owner.stopped()) {
            members.consider(owner.membership());
            owner.writes().reconsider();
        }
    }
}
