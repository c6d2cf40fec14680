package storage.cairn.engine.replication;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;

/** Brings the stale replicas of one volume back, one at a time, as soon as their disks are there. */
final class Rebuilds {
    private final NodeContext context;
    private final VolumeOwner owner;
    private final OwnerHost host;
    private final Members members;
    private @Nullable Rebuild running;
    private long lastCopiedBytes;
    private boolean stopped;

    Rebuilds(NodeContext context, VolumeOwner owner, OwnerHost host, Members members) {
        this.context = context;
        this.owner = owner;
        this.host = host;
        this.members = members;
    }

    boolean busy() {
        return running != null;
    }

    boolean works(Member member) {
        Rebuild present = running;
        return present != null && present.target().equals(member);
    }

    long lastCopiedBytes() {
        return lastCopiedBytes;
    }

    /** What is being rebuilt on this disk, or null. */
    NodeView.@Nullable RebuildView view(DiskId disk) {
        Rebuild present = running;
        return present != null && present.target().disk.equals(disk) ? present.view() : null;
    }

    /** Begins the next rebuild that is due. */
    void step() {
        Rebuild present = running;
        if (present != null && present.over() && !owner.membership().busy()) {
            ended(0, false);
        } else if (present != null) {
            present.step();
            return;
        }
        if (stopped) {
            return;
        }
        Configuration current = owner.membership().current();
        Stale next = expectNothingOfTheAbsent(current) ? null : due(current);
        if (next == null) {
            return;
        }
        Member member = members.of(next.replica());
        if (member == null) {
            throw new IllegalStateException("disk " + next.replica() + " is no replica of " + owner.name());
        }
        if (!host.beginRebuild()) {
            return;
        }
        member.rejoinAtNanos =
                context.now() + NodeContext.nanos(context.settings.background().rebuildRetryMillis());
        running = new Rebuild(context, owner, this, members, member);
        running.step();
    }

    /** One that its disk does not have any more is made anew as soon as the configuration says that it has nothing. */
    private boolean expectNothingOfTheAbsent(Configuration current) {
        for (Stale stale : current.outOfSync()) {
            Member member = members.of(stale.replica());
            if (member != null && member.isAbsent() && stale.sinceSeq() > 0) {
                owner.propose(
                        new Change(current).outOfSync(member.disk, 0),
                        "ReplicaAbsent",
                        "disk " + member.disk + " is to get a new one: " + member.trouble());
                return true;
            }
        }
        return false;
    }

    private @Nullable Stale due(Configuration current) {
        for (Stale stale : current.syncing()) {
            if (isDue(stale)) {
                return stale;
            }
        }
        for (Stale stale : current.outOfSync()) {
            if (isDue(stale)) {
                return stale;
            }
        }
        return null;
    }

    private boolean isDue(Stale stale) {
        Member member = members.of(stale.replica());
        return member != null && member.rejoinAtNanos - context.now() <= 0 && owner.usable(stale.replica());
    }

    void connected(Member member) {
        Rebuild present = running;
        if (present != null && present.target().equals(member)) {
            present.step();
        }
    }

    void memberDown(Member member) {
        Rebuild present = running;
        if (present != null && present.target().equals(member)) {
            present.lost();
        }
    }

    void committed() {
        Rebuild present = running;
        if (present != null) {
            present.committed();
        }
    }

    void ended(long copiedBytes, boolean promoted) {
        if (running != null) {
            running = null;
            host.endRebuild();
            if (promoted) {
                lastCopiedBytes = copiedBytes;
            }
            owner.touch();
        }
    }

    void stop() {
        stopped = true;
        Rebuild present = running;
        if (present != null) {
            present.stop("the volume is not served here any more");
            ended(0, false);
        }
    }
}
