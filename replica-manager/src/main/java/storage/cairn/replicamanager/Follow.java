package storage.cairn.replicamanager;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/**
 * Data follows pods: a volume that has been used for long on a node without a replica of it gets one there, in the place
 * of another. Only long after one such move comes the next, so that data runs after no pod that wanders.
 */
final class Follow {
    /** So long a pod has settled. */
    static final Duration SETTLED = Duration.ofMinutes(10);

    /** So long after one move comes the next of the same volume. */
    static final Duration AGAIN = Duration.ofHours(1);

    private final Cluster cluster;
    private final Placement placement;
    private final Map<String, Stays.Stay> stays;

    Follow(Cluster cluster, Placement placement, Map<String, Stays.Stay> stays) {
        this.cluster = cluster;
        this.placement = placement;
        this.stays = stays;
    }

    /** Name of the node where the volume is used, empty when it is nowhere or its place does not matter. */
    String user(VolumeState volume) {
        Stays.Stay stay = stays.get(volume.name());
        NodeState node =
                stay == null || volume.spec().locality() == Locality.NONE ? null : cluster.numbered(stay.node());
        return node == null ? "" : node.name();
    }

    /** The disks that the volume is better on, one of them where it is used; empty when it stays as it is. */
    List<String> closer(VolumeState volume) {
        Stays.Stay stay = stays.get(volume.name());
        VolumeMembershipSpec membership = volume.membership();
        String user = user(volume);
        if (stay == null || membership == null || user.isEmpty() || !hasSettled(stay)) {
            return List.of();
        }
        List<DiskState> present = new ArrayList<>();
        for (String disk : membership.inSync()) {
            DiskState state = cluster.disks().get(disk);
            if (state == null || state.node().equals(user)) {
                return List.of();
            }
            present.add(state);
        }
        present.sort(Comparator.comparingLong(placement::share).reversed().thenComparing(DiskState::id));
        for (DiskState leaves : present) {
            DiskState closer = placement.instead(volume, leaves, user);
            if (closer != null) {
                placement.comes(volume, closer);
                List<String> wanted = new ArrayList<>(membership.inSync());
                wanted.remove(leaves.id());
                wanted.add(closer.id());
                return wanted;
            }
        }
        return List.of();
    }

    private boolean hasSettled(Stays.Stay stay) {
        Instant now = cluster.now();
        return !now.isBefore(stay.since().plus(SETTLED))
                && (stay.movedAt().equals(Instant.MIN)
                        || !now.isBefore(stay.movedAt().plus(AGAIN)));
    }
}
