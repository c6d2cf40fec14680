package storage.cairn.replicamanager;

import java.util.Map;
import java.util.TreeMap;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/** Says how far the evacuation of each disk and node is that somebody asked for. */
final class Evacuations {
    private final Cluster cluster;

    Evacuations(Cluster cluster) {
        this.cluster = cluster;
    }

    /**
     * How far it is.
     *
     * @param left replicas that are still there
     */
    record Progress(boolean done, int left, String words) {}

    /** Of each disk that is to be empty. */
    Map<String, Progress> disks() {
        Map<String, Progress> all = new TreeMap<>();
        for (DiskState disk : cluster.disks().values()) {
            if (disk.evacuate()) {
                all.put(disk.id(), progress(replicasOn(disk.id()), 0));
            }
        }
        return all;
    }

    /** Of each node that is to be empty. */
    Map<String, Progress> nodes() {
        Map<String, Progress> all = new TreeMap<>();
        for (NodeState node : cluster.nodes().values()) {
            if (node.evacuate()) {
                int left = 0;
                for (DiskState disk : cluster.disks().values()) {
                    left += disk.node().equals(node.name()) ? replicasOn(disk.id()) : 0;
                }
                all.put(node.name(), progress(left, ownedBy(node)));
            }
        }
        return all;
    }

    private static Progress progress(int left, int owned) {
        if (left > 0) {
            return new Progress(false, left, left + " replicas are still to leave");
        }
        return owned > 0
                ? new Progress(false, 0, "no replica is left; " + owned + " volumes are still served there")
                : new Progress(true, 0, "no replica is left: it can be taken away");
    }

    private int replicasOn(String disk) {
        int count = 0;
        for (VolumeState volume : cluster.volumes().values()) {
            VolumeMembershipSpec membership = volume.membership();
            if (membership != null
                    && !membership.deleted()
                    && VolumePlan.members(membership).contains(disk)) {
                count++;
            }
        }
        return count;
    }

    private int ownedBy(NodeState node) {
        int count = 0;
        for (VolumeState volume : cluster.volumes().values()) {
            VolumeMembershipSpec membership = volume.membership();
            VolumeMembershipSpec.Owner owner = membership == null ? null : membership.owner();
            if (owner != null && owner.node() == node.number()) {
                count++;
            }
        }
        return count;
    }
}
