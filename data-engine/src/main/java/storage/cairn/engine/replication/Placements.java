package storage.cairn.engine.replication;

import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * The disks that each volume is wanted on, and the steps that bring it there: a wanted disk becomes a replica that is
 * rebuilt like any other, and an unwanted one leaves once every wanted disk is in sync. Where a volume has the most
 * replicas that one can have, an unwanted one makes room first.
 *
 * <p>A wish is no decision. The owner carries it out, by changes of the configuration like all others. A volume that
 * nobody owns is taken over for it by the node of its first reachable replica, and given up again afterwards. So is one
 * whose replicas are not all in sync, as soon as one of them can be rebuilt, and one of which a disk here lost its: no host may come for weeks, and until then
 * one loss more would be one too many. A volume that a host is attached to is its host's to bring back.
 */
final class Placements {
    private static final long LOOK_MILLIS = 5_000;
    /** A node that returns may be missed by hundreds of volumes; few are rebuilt at once anyway. */
    private static final int MOST_HEALED_AT_ONCE = 8;

    private final NodeContext context;
    private final Peers peers;
    private final Owners owners;
    private final Catalog catalog;
    private final TreeMap<VolumeId, List<DiskId>> wishes = new TreeMap<>();
    /** Volumes that are to be rebuilt also while no host uses them. */
    private final TreeSet<VolumeId> healing = new TreeSet<>();

    private final TreeSet<VolumeId> adopted = new TreeSet<>();
    /** About to be adopted: the configuration store is being asked. */
    private final TreeSet<VolumeId> asked = new TreeSet<>();

    private boolean looking;
    private boolean stopped;

    Placements(NodeContext context, Peers peers, Owners owners, Catalog catalog) {
        this.context = context;
        this.peers = peers;
        this.owners = owners;
        this.catalog = catalog;
    }

    /** Somebody wants the volume on exactly these disks; an empty list: nobody minds where it is. */
    void want(VolumeId volume, List<DiskId> disks) {
        if (disks.isEmpty()) {
            wishes.remove(volume);
        } else {
            wishes.put(volume, List.copyOf(disks));
        }
        VolumeOwner owner = owners.of(volume);
        if (owner != null) {
            owner.touch();
        }
        beginToLook();
    }

    private void beginToLook() {
        if (!looking) {
            looking = true;
            context.clock.execute(this::look);
        }
    }

    /** What the configuration store has of a volume. */
    void learned(Configuration value) {
        boolean lacks = !isWhole(value) || vanishedHere(value);
        if (value.owner() == null && !value.deleted() && lacks && healing.add(value.volume())) {
            beginToLook();
        }
    }

    private static boolean isWhole(Configuration current) {
        return current.syncing().isEmpty() && current.outOfSync().isEmpty();
    }

    /** Whether a disk here should have a replica of it and has none: it is another disk than it was. */
    private boolean vanishedHere(Configuration current) {
        for (DiskId disk : current.replicas()) {
            if (peers.lacks(disk, current.volume()) && !EmptyReplicas.beginsEmpty(current, disk)) {
                return true;
            }
        }
        return false;
    }

    /**
     * The volume has a replica to be rebuilt, whoever serves it or not.
     *
     * @param takenOver whether this node took it over for that, to give it up again afterwards
     */
    void heal(VolumeId volume, boolean takenOver) {
        healing.add(volume);
        if (takenOver) {
            adopted.add(volume);
        }
        beginToLook();
    }

    List<DiskId> wanted(VolumeId volume) {
        return wishes.getOrDefault(volume, List.of());
    }

    void stop() {
        stopped = true;
    }

    private static boolean fulfilled(Configuration current, List<DiskId> wanted) {
        return wanted.isEmpty()
                || (current.inSync().size() == wanted.size()
                        && current.inSync().containsAll(wanted)
                        && current.replicas().size() == wanted.size());
    }

    private boolean settled(Configuration current) {
        return fulfilled(current, wanted(current.volume()))
                && ((isWhole(current) && !vanishedHere(current)) || !healing.contains(current.volume()));
    }

    /** What is to be done next for a volume that this node owns, null when nothing is or nothing can be. */
    @Nullable
    Step next(Configuration current, Members members, Rebuilds rebuilds) {
        List<DiskId> wanted = wanted(current.volume());
        if (fulfilled(current, wanted)) {
            return null;
        }
        List<DiskId> replicas = current.replicas();
        DiskId missing = null;
        for (DiskId disk : wanted) {
            if (missing == null && !replicas.contains(disk) && peers.usable(disk) && members.hasRoom()) {
                missing = disk;
            }
        }
        if (missing != null && replicas.size() < Configuration.MAX_REPLICAS) {
            return new Step(new Change(current).outOfSync(missing, 0), "Placing", "disk " + missing, null);
        }
        boolean complete = current.inSync().containsAll(wanted);
        if (!complete && missing == null) {
            return null;
        }
        for (DiskId disk : replicas) {
            Member member = members.of(disk);
            boolean inSync = current.inSync().contains(disk);
            boolean works = member != null && rebuilds.works(member);
            if (!wanted.contains(disk) && !inSync && !works) {
                return new Step(new Change(current).without(disk), "Leaving", "disk " + disk, member);
            }
        }
        // A volume that has as many replicas as it may gives one up first.
        return surplus(current, wanted, complete ? wanted.size() : wanted.size() - 1, members);
    }

    /** Those that are not wanted go, that of the owner's own node last, as long as so many are left in sync. */
    private static @Nullable Step surplus(Configuration current, List<DiskId> wanted, int least, Members members) {
        if (current.inSync().size() - 1 < Math.max(current.minInSync(), least)) {
            return null;
        }
        Member chosen = null;
        for (DiskId disk : current.inSync()) {
            Member member = members.of(disk);
            if (!wanted.contains(disk) && member != null && (chosen == null || chosen.local())) {
                chosen = member;
            }
        }
        return chosen == null
                ? null
                : new Step(new Change(current).without(chosen.disk), "Leaving", "disk " + chosen.disk, chosen);
    }

    /**
     * One change on the way.
     *
     * @param leaves who is no replica after it
     */
    record Step(
            Change change,
            String event,
            String detail,
            @Nullable Member leaves) {}

    private void look() {
        if (stopped) {
            looking = false;
            return;
        }
        boolean open = false;
        TreeSet<VolumeId> cared = new TreeSet<>(wishes.keySet());
        cared.addAll(healing);
        for (VolumeId volume : cared) {
            Configuration current = catalog.newest(volume);
            if (current != null && current.deleted()) {
                wishes.remove(volume);
                healing.remove(volume);
            } else if (current != null && !settled(current)) {
                open = true;
                adopt(current);
            } else if (current == null) {
                // Before the store was read nothing can be said of a volume.
                open |= !catalog.loaded();
            } else if (!adopted.contains(volume)) {
                healing.remove(volume);
            }
        }
        for (VolumeId volume : List.copyOf(adopted)) {
            giveUp(volume);
        }
        looking = open || !adopted.isEmpty();
        if (looking) {
            context.afterMillis(LOOK_MILLIS, this::look);
        }
    }

    /** Nobody serves it: the node of its first reachable replica takes it over until it is as it should be. */
    private void adopt(Configuration known) {
        VolumeId volume = known.volume();
        boolean wished = !fulfilled(known, wanted(volume));
        if (known.owner() != null) {
            return;
        }
        if (!wished && (known.attachId() != null || adopted.size() + asked.size() >= MOST_HEALED_AT_ONCE)) {
            return;
        }
        boolean mine = mine(known) || vanishedHere(known);
        if (adopted.contains(volume) || !mine || !canProgress(known) || !asked.add(volume)) {
            return;
        }
        catalog.get(volume, outcome -> {
            asked.remove(volume);
            if (stopped
                    || !(outcome instanceof Catalog.Found.Volume found)
                    || found.current().value().owner() != null) {
                return;
            }
            adopted.add(volume);
            Configuration value = found.current().value();
            context.log.event(Log.Level.INFO, value.name(), value.epoch(), "Adopted", "until it is as it should be");
            owners.takeOver(found.current(), value.attachId(), new VolumeOwner.Started() {
                @Override
                public void serving() {
                    VolumeOwner owner = owners.of(volume);
                    if (owner != null) {
                        owner.touch();
                    }
                }

                @Override
                public void failed(Status status, String reason) {
                    adopted.remove(volume);
                }
            });
        });
    }

    /** Whether it is for this node to act for a volume that nobody owns: it has its first reachable replica. */
    boolean mine(Configuration known) {
        DiskId first = null;
        for (DiskId disk : known.inSync()) {
            boolean there = peers.usable(disk) && !peers.lacks(disk, known.volume());
            if (there && (first == null || disk.compareTo(first) < 0)) {
                first = disk;
            }
        }
        return first != null && peers.nodeOf(first) == context.identity.node();
    }

    private boolean canProgress(Configuration known) {
        List<DiskId> wanted = wanted(known.volume());
        if (healing.contains(known.volume()) && canRebuild(known)) {
            return true;
        }
        boolean waits = wanted.isEmpty();
        for (DiskId disk : wanted) {
            if (!known.inSync().contains(disk)) {
                if (peers.usable(disk)) {
                    return true;
                }
                waits = true;
            }
        }
        return !waits;
    }

    /** Whether there are the replicas that an owner needs to serve, and one that is not in sync. */
    private boolean canRebuild(Configuration known) {
        int inSync = 0;
        int others = 0;
        for (DiskId disk : known.replicas()) {
            boolean there = peers.usable(disk) && !peers.lacks(disk, known.volume());
            if (there && known.inSync().contains(disk)) {
                inSync++;
            } else if (peers.usable(disk)) {
                others++;
            }
        }
        return inSync >= known.minInSync() && others > 0;
    }

    private void giveUp(VolumeId volume) {
        VolumeOwner owner = owners.of(volume);
        if (owner == null || owner.clients().count() > 0) {
            adopted.remove(volume);
            return;
        }
        Configuration current = owner.membership().current();
        boolean ended = settled(current) || !canProgress(current);
        if (owner.serves() && ended && !owner.membership().busy()) {
            adopted.remove(volume);
            owner.handOver(false, "it is as it should be", recorded -> {});
        }
    }
}
