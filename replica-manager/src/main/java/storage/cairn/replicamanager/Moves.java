package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/**
 * Where a replica of a volume that is well had better be: away from a disk that is full, or on one of which less is
 * promised. What is read where it is used stays on that node, unless its disk there is full and no other one is there.
 */
final class Moves {
    private final Cluster cluster;
    private final Rules rules;
    private final Fullness fullness;
    private final Placement placement;
    private final Follow follow;
    /** Disks that a replica leaves: how much that frees is known when it is gone. */
    private final Set<String> left = new HashSet<>();

    Moves(Cluster cluster, Rules rules, Fullness fullness, Placement placement, Follow follow) {
        this.cluster = cluster;
        this.rules = rules;
        this.fullness = fullness;
        this.placement = placement;
        this.follow = follow;
        for (VolumeState volume : cluster.volumes().values()) {
            VolumeMembershipSpec membership = volume.membership();
            if (membership != null && !membership.deleted() && !volume.wanted().isEmpty()) {
                VolumePlan.members(membership).stream()
                        .filter(disk -> !volume.wanted().contains(disk))
                        .forEach(left::add);
            }
        }
    }

    /** The disks that the volume is wanted on so that it leaves a full one; empty when it stays. */
    List<String> offFull(VolumeState volume) {
        String user = follow.user(volume);
        for (DiskState disk : present(volume, Comparator.comparingLong(DiskState::usedBytes))) {
            if (!fullness.isFull(disk) || left.contains(disk.id())) {
                continue;
            }
            DiskState other = disk.node().equals(user) ? placement.instead(volume, disk, user) : null;
            if (other == null) {
                other = placement.instead(volume, disk, "");
            }
            if (other != null) {
                return move(volume, disk, other);
            }
        }
        return List.of();
    }

    /** The disks that the volume is better on by less of its fullest one; empty when it is not worth a copy. */
    List<String> better(VolumeState volume) {
        String user = follow.user(volume);
        for (DiskState disk : present(volume, Comparator.comparingLong(placement::share))) {
            if (!mayGain(disk)) {
                break;
            }
            DiskState other = placement.instead(volume, disk, disk.node().equals(user) ? user : "");
            if (other != null
                    && placement.share(disk) - placement.shareWith(other, volume) > rules.rebalanceGapPercent()) {
                return move(volume, disk, other);
            }
        }
        return List.of();
    }

    private List<String> move(VolumeState volume, DiskState from, DiskState to) {
        placement.comes(volume, to);
        left.add(from.id());
        List<String> wanted = new ArrayList<>();
        present(volume, Comparator.comparing(DiskState::id)).forEach(disk -> wanted.add(disk.id()));
        wanted.remove(from.id());
        wanted.add(to.id());
        return wanted;
    }

    /** Its disks, the greatest first; none when one of them is not known any more. */
    private List<DiskState> present(VolumeState volume, Comparator<DiskState> by) {
        List<DiskState> present = new ArrayList<>();
        VolumeMembershipSpec membership = volume.membership();
        for (String disk : membership == null ? List.<String>of() : membership.inSync()) {
            @Nullable DiskState state = cluster.disks().get(disk);
            if (state == null) {
                return List.of();
            }
            present.add(state);
        }
        present.sort(by.reversed().thenComparing(DiskState::id));
        return present;
    }

    /** Whether some disk of the pool is so much emptier that a look is worth it. */
    private boolean mayGain(DiskState fullest) {
        long share = placement.share(fullest);
        for (DiskState disk : cluster.disks().values()) {
            if (disk.pool().equals(fullest.pool()) && share - placement.share(disk) > rules.rebalanceGapPercent()) {
                return true;
            }
        }
        return false;
    }
}
