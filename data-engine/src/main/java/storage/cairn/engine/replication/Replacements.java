package storage.cairn.engine.replication;

import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.VolumeAnswer.Problem;
import storage.cairn.engine.replication.VolumeAnswer.Receiver;

/**
 * Gives a volume another disk in the place of one that is lost. One change of the configuration takes the lost disk out
 * and names the new one as a replica of which nothing is expected; what follows is a rebuild like any other. A replica
 * that counts as in sync, or whose disk is served, is never replaced.
 */
final class Replacements extends VolumeSteps {
    /** An owner takes out within a moment what it cannot reach. */
    private static final long RETRY_MILLIS = 500;

    private static final int MAX_ATTEMPTS = 20;

    private final Placements placements;

    Replacements(
            NodeContext context,
            Peers peers,
            Owners owners,
            Catalog catalog,
            Views views,
            OwnerProbe probe,
            Placements placements) {
        super(context, peers, owners, catalog, views, probe);
        this.placements = placements;
    }

    /**
     * @param fresh null: the disk with the most free space on a node that has no other replica of the volume
     */
    void replace(String name, DiskId lost, @Nullable DiskId fresh, Receiver receiver) {
        find(name, receiver, found -> {
            Configuration value = found.value();
            if (isReplaced(value, lost, fresh)) {
                done(receiver, value.volume(), value);
                return;
            }
            Choice choice = choose(value, lost, fresh);
            if (!choice.wrong().isEmpty()) {
                fail(receiver, choice.problem(), choice.wrong());
                return;
            }
            VolumeOwner owner = owners.of(value.volume());
            if (owner == null) {
                replaceUnowned(found, lost, fresh, receiver);
            } else {
                owner.whenServing(
                        new Serving(receiver, () -> new Exchange(owner, false, lost, fresh, receiver).begin()));
            }
        });
    }

    private void replaceUnowned(Versioned found, DiskId lost, @Nullable DiskId fresh, Receiver receiver) {
        Configuration value = found.value();
        probe.probe(value, (node, reachable) -> {
            if (node != 0) {
                fail(
                        receiver,
                        Problem.PRECONDITION,
                        "volume " + value.name() + " is served by node " + node + "; ask that node");
                return;
            }
            owners.takeOver(found, value.attachId(), new Serving(receiver, () -> {
                VolumeOwner owner = owners.of(value.volume());
                if (owner == null) {
                    fail(receiver, Problem.UNAVAILABLE, "volume " + value.name() + " was lost again");
                    return;
                }
                new Exchange(owner, true, lost, fresh, receiver).begin();
            }));
        });
    }

    private static boolean isReplaced(Configuration current, DiskId lost, @Nullable DiskId fresh) {
        return fresh != null
                && current.replicas().contains(fresh)
                && !current.replicas().contains(lost);
    }

    /**
     * Where the new replica goes.
     *
     * @param disk null when it goes nowhere
     * @param wrong why, and what to do
     */
    private record Choice(@Nullable DiskId disk, Problem problem, String wrong) {
        static Choice refused(Problem problem, String wrong) {
            return new Choice(null, problem, wrong);
        }
    }

    private Choice choose(Configuration current, DiskId lost, @Nullable DiskId fresh) {
        String volume = "volume " + current.name();
        if (!current.replicas().contains(lost)) {
            return Choice.refused(Problem.PRECONDITION, volume + " has no replica on disk " + lost);
        }
        if (!placements.wanted(current.volume()).isEmpty()) {
            return Choice.refused(
                    Problem.PRECONDITION, "where " + volume + " goes is decided for it; change what is wanted instead");
        }
        if (peers.usable(lost)) {
            return Choice.refused(
                    Problem.PRECONDITION,
                    "disk " + lost + " is served by node " + peers.nodeOf(lost)
                            + ": its replica is rebuilt by itself; only a disk that is lost is replaced");
        }
        Set<Integer> taken = new TreeSet<>();
        for (DiskId disk : current.replicas()) {
            if (!disk.equals(lost)) {
                taken.add(peers.lastNodeOf(disk));
            }
        }
        return fresh == null ? mostFree(current, taken) : check(current, fresh, taken);
    }

    private Choice mostFree(Configuration current, Set<Integer> taken) {
        Peers.Placed best = null;
        for (Peers.Placed each : peers.disks()) {
            DiskId disk = new DiskId(each.disk().disk());
            boolean fits = each.disk().failure().isEmpty()
                    && each.disk().freeSlots() > 0
                    && !taken.contains(each.node())
                    && !current.replicas().contains(disk);
            if (fits && (best == null || best.disk().freeSlots() < each.disk().freeSlots())) {
                best = each;
            }
        }
        return best == null
                ? Choice.refused(
                        Problem.EXHAUSTED,
                        "the new replica of volume " + current.name()
                                + " needs a healthy disk with free space on a node without another one; those on nodes "
                                + taken + " remain: start a node with a disk")
                : new Choice(new DiskId(best.disk().disk()), Problem.INVALID, "");
    }

    private Choice check(Configuration current, DiskId fresh, Set<Integer> taken) {
        String volume = "volume " + current.name();
        if (current.replicas().contains(fresh)) {
            return Choice.refused(Problem.INVALID, volume + " has a replica on disk " + fresh + " already");
        }
        if (!peers.usable(fresh)) {
            return Choice.refused(Problem.PRECONDITION, "no node serves disk " + fresh + "; choose one that is served");
        }
        if (taken.contains(peers.nodeOf(fresh))) {
            return Choice.refused(
                    Problem.INVALID,
                    "node " + peers.nodeOf(fresh) + " has another replica of " + volume
                            + "; choose a disk of a node without one");
        }
        return new Choice(fresh, Problem.INVALID, "");
    }

    /** The change, at the volume's owner. */
    private final class Exchange implements Upkeep.Request {
        private final VolumeOwner owner;
        /** Whether this node took the volume over for the change alone. */
        private final boolean takenOver;

        private final DiskId lost;
        private final @Nullable DiskId fresh;
        private final Receiver receiver;
        private int attempts;
        private Choice choice = Choice.refused(Problem.UNAVAILABLE, "not asked yet");
        private boolean tooEarly;

        Exchange(VolumeOwner owner, boolean takenOver, DiskId lost, @Nullable DiskId fresh, Receiver receiver) {
            this.owner = owner;
            this.takenOver = takenOver;
            this.lost = lost;
            this.fresh = fresh;
            this.receiver = receiver;
        }

        void begin() {
            attempts++;
            owner.upkeep().request(this);
        }

        @Override
        public boolean change(Change change) {
            Configuration current = owner.membership().current();
            choice = choose(current, lost, fresh);
            DiskId disk = choice.disk();
            tooEarly = disk != null
                    && current.outOfSync().stream()
                            .noneMatch(stale -> stale.replica().equals(lost));
            if (disk == null || tooEarly || !owner.members().hasRoom()) {
                return false;
            }
            change.without(lost).outOfSync(disk, 0);
            return true;
        }

        @Override
        public void applied() {
            Member member = owner.members().of(lost);
            if (member != null) {
                owner.letGo(member, "its disk was replaced");
            }
            catalog.learned(owner.membership().current());
            placements.heal(owner.volume(), takenOver);
            done(receiver, owner.volume(), owner.membership().current());
        }

        @Override
        public void dropped(String reason) {
            Configuration current = owner.membership().current();
            if (isReplaced(current, lost, fresh)) {
                done(receiver, owner.volume(), current);
            } else if (!reason.isEmpty()) {
                failed(Problem.UNAVAILABLE, reason);
            } else if (!choice.wrong().isEmpty()) {
                failed(choice.problem(), choice.wrong());
            } else if (!tooEarly) {
                failed(
                        Problem.PRECONDITION,
                        "volume " + owner.name() + " had too many replicas under this owner; move it to another node");
            } else if (attempts < MAX_ATTEMPTS && !owner.stopped()) {
                context.afterMillis(RETRY_MILLIS, this::begin);
            } else {
                failed(
                        Problem.PRECONDITION,
                        "volume " + owner.name() + " counts disk " + lost + " as in sync and cannot miss it: "
                                + current.minInSync() + " replicas must be in sync, " + current.inSync()
                                + " are; bring another one back first");
            }
        }

        private void failed(Problem problem, String reason) {
            if (takenOver && !owner.stopped() && owner.clients().count() == 0) {
                owner.handOver(false, "its disk was not replaced", recorded -> fail(receiver, problem, reason));
            } else {
                fail(receiver, problem, reason);
            }
        }
    }
}
