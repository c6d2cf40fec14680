package storage.cairn.replicamanager;

import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec;

/** Everything that a decision depends on, at one moment. */
record Cluster(
        Instant now,
        Map<String, StoragePoolSpec> pools,
        Map<String, DiskState> disks,
        Map<String, NodeState> nodes,
        Map<String, VolumeState> volumes) {

    Cluster {
        pools = new TreeMap<>(pools);
        disks = new TreeMap<>(disks);
        nodes = new TreeMap<>(nodes);
        volumes = new TreeMap<>(volumes);
    }

    /**
     * A node with an engine.
     *
     * @param zone empty when it has none, like {@code rack}
     * @param heardOf when its engine last showed that it lives; null: never
     * @param maintenanceUntil null: nobody works on it
     */
    record NodeState(
            String name,
            int number,
            String zone,
            String rack,
            @Nullable Instant heardOf,
            boolean schedulable,
            boolean evacuate,
            @Nullable Instant maintenanceUntil) {}

    /**
     * A disk.
     *
     * @param pool empty: in none
     * @param node where it was last seen
     * @param failedSince null: it serves, as far as it was heard
     * @param why what its engine says of it
     */
    record DiskState(
            String id,
            String pool,
            String node,
            long usableBytes,
            long usedBytes,
            @Nullable Instant failedSince,
            String why,
            boolean evacuate) {}

    /**
     * A volume that people asked for, and what was decided about it.
     *
     * @param membership null: nothing was recorded yet
     * @param wanted disks that it was wanted on last; empty: nobody said
     * @param wantedBytes size that engines were told of last; 0: none
     * @param deleteAfter when its data is erased; null: nobody asked for it
     * @param leaving whether somebody deleted its resource
     * @param held by disk, configurations that replicas hold and the store forgot, as their engines said
     * @param recover how somebody wants it recovered from its disks; empty: nobody does
     */
    record VolumeState(
            String name,
            long generation,
            VolumeSpec spec,
            @Nullable VolumeMembershipSpec membership,
            java.util.List<String> wanted,
            long wantedBytes,
            @Nullable Instant deleteAfter,
            boolean hasFinalizer,
            boolean leaving,
            Map<String, VolumeMembershipSpec> held,
            String recover) {}

    @Nullable
    NodeState nodeOf(DiskState disk) {
        return nodes.get(disk.node());
    }

    @Nullable
    NodeState numbered(int number) {
        for (NodeState node : nodes.values()) {
            if (node.number() == number) {
                return node;
            }
        }
        return null;
    }
}
