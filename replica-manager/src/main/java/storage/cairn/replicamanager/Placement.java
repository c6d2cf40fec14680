package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/**
 * Chooses disks for replicas: no two where the spread forbids it, none that is full or promised away, and of the rest
 * those of which the least share is promised. Remembers what it gave away, so that one sweep does not fill a disk with
 * many volumes.
 */
final class Placement {
    private static final int DEFAULT_OVER_PROVISIONING = 200;
    private static final int HUNDRED = 100;

    /** Disks that could hold it are full or promised away. */
    static final String NO_SPACE = "NoSpace";

    static final String NO_POOL = "NoPool";
    /** Too few nodes, zones or racks have a disk that may be used. */
    static final String TOO_FEW_DOMAINS = "TooFewDomains";

    private final Cluster cluster;
    private final Health health;
    private final Fullness fullness;
    private final Map<String, Long> promised = new HashMap<>();
    /** Bytes at most that are on their way to a disk, and that it does not count as taken yet. */
    private final Map<String, Long> coming = new HashMap<>();

    /** How a choice ended. */
    sealed interface Choice {
        record Disks(List<String> disks) implements Choice {}

        /**
         * @param code why, in one word
         * @param reason why, in words, and what to do
         */
        record Impossible(String code, String reason) implements Choice {}
    }

    Placement(Cluster cluster, Health health, Fullness fullness) {
        this.cluster = cluster;
        this.health = health;
        this.fullness = fullness;
        for (VolumeState volume : cluster.volumes().values()) {
            VolumeMembershipSpec membership = volume.membership();
            for (String disk : VolumePlan.replicas(volume)) {
                promise(disk, VolumePlan.sizeBytes(volume));
                if (membership != null && !membership.inSync().contains(disk)) {
                    coming.merge(disk, VolumePlan.sizeBytes(volume), Long::sum);
                }
            }
        }
    }

    private void promise(String disk, long bytes) {
        promised.merge(disk, bytes, Long::sum);
    }

    /** Bytes that volumes were promised on a disk. */
    long promised(String disk) {
        return promised.getOrDefault(disk, 0L);
    }

    /** The share of a disk that is promised, in percent. */
    long share(DiskState disk) {
        return disk.usableBytes() == 0 ? Long.MAX_VALUE : promised(disk.id()) * HUNDRED / disk.usableBytes();
    }

    /** That share, were the volume promised too. */
    long shareWith(DiskState disk, VolumeState volume) {
        return disk.usableBytes() == 0
                ? Long.MAX_VALUE
                : (promised(disk.id()) + VolumePlan.sizeBytes(volume)) * HUNDRED / disk.usableBytes();
    }

    /**
     * The disk that had better have the replica which another one has: one that it cannot fill. Null when there is none.
     *
     * @param only name of the node that it has to be on; empty: any
     */
    @Nullable
    DiskState instead(VolumeState volume, DiskState leaves, String only) {
        StoragePoolSpec pool = cluster.pools().get(volume.spec().pool());
        VolumeMembershipSpec membership = volume.membership();
        if (pool == null || membership == null) {
            return null;
        }
        long most = Math.min(VolumePlan.sizeBytes(volume), leaves.usedBytes());
        List<String> stay = new ArrayList<>(membership.inSync());
        stay.remove(leaves.id());
        Spread spread = spread(volume, pool);
        Set<String> taken = taken(stay, spread);
        for (DiskState disk : fit(volume, pool, stay, new TreeMap<>())) {
            if (!disk.id().equals(leaves.id())
                    && (only.isEmpty() || disk.node().equals(only))
                    && !taken.contains(domain(disk, spread))
                    && !taken.contains(domain(disk, Spread.NODE))
                    && disk.usedBytes() + coming.getOrDefault(disk.id(), 0L) + most < fullness.fullBytes(disk)) {
                return disk;
            }
        }
        return null;
    }

    /** A replica of the volume is being moved to the disk. */
    void comes(VolumeState volume, DiskState to) {
        promise(to.id(), VolumePlan.sizeBytes(volume));
        coming.merge(to.id(), VolumePlan.sizeBytes(volume), Long::sum);
    }

    private Set<String> taken(List<String> stay, Spread spread) {
        Set<String> taken = new TreeSet<>();
        for (String disk : stay) {
            DiskState state = cluster.disks().get(disk);
            if (state != null) {
                taken.add(domain(state, Spread.NODE));
                taken.add(domain(state, spread));
            }
        }
        return taken;
    }

    /**
     * Chooses as many disks as are missing, beside those that stay.
     *
     * @param stay disks that keep their replica
     */
    Choice choose(VolumeState volume, List<String> stay) {
        StoragePoolSpec pool = cluster.pools().get(volume.spec().pool());
        if (pool == null) {
            return new Choice.Impossible(
                    NO_POOL, "there is no StoragePool '" + volume.spec().pool() + "'; create it");
        }
        Spread spread = spread(volume, pool);
        List<String> chosen = new ArrayList<>();
        Set<String> taken = taken(stay, spread);
        Map<String, String> refusals = new TreeMap<>();
        List<DiskState> fit = fit(volume, pool, stay, refusals);
        for (DiskState disk : fit) {
            String domain = domain(disk, spread);
            if (chosen.size() + stay.size() < volume.spec().replicas()
                    && !taken.contains(domain)
                    && !taken.contains(domain(disk, Spread.NODE))) {
                chosen.add(disk.id());
                taken.add(domain);
                taken.add(domain(disk, Spread.NODE));
            }
        }
        if (chosen.size() + stay.size() < volume.spec().replicas()) {
            return new Choice.Impossible(
                    lacksSpace(volume, pool, stay) ? NO_SPACE : TOO_FEW_DOMAINS,
                    explain(volume, spread, stay.size() + chosen.size(), fit.size(), refusals));
        }
        chosen.forEach(disk -> promise(disk, VolumePlan.sizeBytes(volume)));
        return new Choice.Disks(chosen);
    }

    static Spread spread(VolumeState volume, StoragePoolSpec pool) {
        Spread own = volume.spec().spread();
        Spread usual = pool.spread();
        return own != null ? own : usual != null ? usual : Spread.NODE;
    }

    private String domain(DiskState disk, Spread spread) {
        NodeState node = cluster.nodeOf(disk);
        return switch (spread) {
            case NODE -> "node " + disk.node();
            case ZONE -> "zone " + (node == null ? "" : node.zone());
            case RACK -> "rack " + (node == null ? "" : node.zone() + "/" + node.rack());
        };
    }

    private List<DiskState> fit(
            VolumeState volume, StoragePoolSpec pool, List<String> stay, Map<String, String> refusals) {
        List<DiskState> fit = new ArrayList<>();
        for (DiskState disk : cluster.disks().values()) {
            if (!disk.pool().equals(volume.spec().pool()) || stay.contains(disk.id())) {
                continue;
            }
            String refusal = refusal(volume, pool, disk);
            if (refusal.isEmpty()) {
                fit.add(disk);
            } else {
                refusals.put(disk.id(), health.place(disk.id()) + " " + refusal);
            }
        }
        String preferred = volume.membership() == null ? volume.spec().preferredNode() : null;
        fit.sort(Comparator.<DiskState, Boolean>comparing(disk -> !disk.node().equals(preferred))
                .thenComparingLong(this::share)
                .thenComparing(Comparator.comparingLong(DiskState::usableBytes).reversed())
                .thenComparing(DiskState::id));
        return fit;
    }

    /** Why a disk gets no new replica, empty when it may. */
    private String refusal(VolumeState volume, StoragePoolSpec pool, DiskState disk) {
        NodeState node = cluster.nodeOf(disk);
        if (health.awaySince(disk.id()) != null) {
            return "is away";
        }
        if (health.isLeaving(disk.id())) {
            return "is being evacuated";
        }
        if (node == null || !node.schedulable() || health.inMaintenance(disk.id())) {
            return "gets no new replicas: its node is not schedulable";
        }
        return refusal(pool, disk, VolumePlan.sizeBytes(volume));
    }

    /** Why a disk has no room for so much more, empty when it has. */
    private String refusal(StoragePoolSpec pool, DiskState disk, long bytes) {
        if (fullness.isFull(disk)) {
            return "is full";
        }
        Integer over = pool.overProvisioningPercent();
        long limit = disk.usableBytes() / HUNDRED * (over == null ? DEFAULT_OVER_PROVISIONING : over);
        if (promised(disk.id()) + bytes > limit) {
            return "has promised " + promised(disk.id()) + " of " + limit + " bytes already";
        }
        return "";
    }

    /** Whether some disk that may be used has no room for the volume. */
    private boolean lacksSpace(VolumeState volume, StoragePoolSpec pool, List<String> stay) {
        for (DiskState disk : cluster.disks().values()) {
            NodeState node = cluster.nodeOf(disk);
            boolean usable = disk.pool().equals(volume.spec().pool())
                    && !stay.contains(disk.id())
                    && health.awaySince(disk.id()) == null
                    && !health.isLeaving(disk.id())
                    && node != null
                    && node.schedulable();
            if (usable && !refusal(pool, disk, VolumePlan.sizeBytes(volume)).isEmpty()) {
                return true;
            }
        }
        return false;
    }

    /** Promises a volume's disks that it grows by so much; why that cannot be, empty when it is done. */
    String grow(VolumeState volume, long bytes) {
        StoragePoolSpec pool = cluster.pools().get(volume.spec().pool());
        List<String> replicas = VolumePlan.replicas(volume);
        for (String disk : replicas) {
            DiskState state = cluster.disks().get(disk);
            String refusal = pool == null || state == null ? "" : refusal(pool, state, bytes);
            if (!refusal.isEmpty()) {
                return health.place(disk) + " " + refusal + ": it cannot grow by " + bytes
                        + " bytes. Add disks, or delete volumes";
            }
        }
        replicas.forEach(disk -> promise(disk, bytes));
        return "";
    }

    private static String explain(VolumeState volume, Spread spread, int found, int fit, Map<String, String> refusals) {
        StringBuilder text = new StringBuilder();
        text.append(volume.spec().replicas())
                .append(" replicas need disks of pool '")
                .append(volume.spec().pool())
                .append("' in as many different ")
                .append(
                        switch (spread) {
                            case NODE -> "nodes";
                            case ZONE -> "zones";
                            case RACK -> "racks";
                        })
                .append("; there are such in ")
                .append(found)
                .append(" (")
                .append(fit)
                .append(" disks with room)");
        refusals.values().stream().limit(4).forEach(refusal -> text.append("; ").append(refusal));
        return text.append(". Add disks or nodes, or ask for fewer replicas").toString();
    }
}
