package storage.cairn.replicamanager;

import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.VolumeState;

/** Remembers since when each volume has been used on the node where it is used, as far as this process saw it. */
final class Stays {
    private final Map<String, Stay> stays = new HashMap<>();

    /**
     * A volume's use on one node.
     *
     * @param movedAt when a replica was last moved to its user; {@link Instant#MIN}: never
     */
    record Stay(int node, Instant since, Instant movedAt) {}

    /** By name, of the volumes that are attached somewhere. */
    Map<String, Stay> look(Cluster cluster) {
        stays.keySet().retainAll(cluster.volumes().keySet());
        for (VolumeState volume : cluster.volumes().values()) {
            VolumeMembershipSpec membership = volume.membership();
            VolumeMembershipSpec.Owner owner = membership == null ? null : membership.owner();
            if (membership == null || owner == null || membership.attachId() == null) {
                stays.remove(volume.name());
                continue;
            }
            Stay before = stays.get(volume.name());
            if (before == null || before.node() != owner.node()) {
                stays.put(
                        volume.name(),
                        new Stay(owner.node(), cluster.now(), before == null ? Instant.MIN : before.movedAt()));
            }
        }
        return Map.copyOf(stays);
    }

    /** A replica is being moved to the volume's user. */
    void moved(String volume, Instant now) {
        stays.computeIfPresent(volume, (name, stay) -> new Stay(stay.node(), stay.since(), now));
    }
}
