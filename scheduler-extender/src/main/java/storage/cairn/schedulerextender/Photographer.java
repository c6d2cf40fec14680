package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StorageNodeStatus;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.schedulerextender.Snapshot.Data;
import storage.cairn.schedulerextender.Snapshot.Machine;
import storage.cairn.schedulerextender.Snapshot.Pool;
import storage.cairn.schedulerextender.Snapshot.Storage;

/** Makes a {@link Snapshot} of resources. */
final class Photographer {
    private static final String ZONE = "topology.kubernetes.io/zone";
    private static final String RACK = "topology." + Api.GROUP + "/rack";
    private static final int DEFAULT_REPLICAS = 3;
    private static final int DEFAULT_OVER_PROVISIONING = 200;
    private static final int DEFAULT_FULL = 85;

    private final Resources resources;
    private final Function<PersistentVolumeClaim, @Nullable StorageClass> classOf;
    private final Claims claims;

    /**
     * @param classOf the StorageClass of a claim, null when there is none
     */
    Photographer(Resources resources, Function<PersistentVolumeClaim, @Nullable StorageClass> classOf, Claims claims) {
        this.resources = resources;
        this.classOf = classOf;
        this.claims = claims;
    }

    Snapshot take() {
        Map<String, Long> promised = new HashMap<>();
        Map<String, Data> volumes = volumes(promised);
        return new Snapshot(machines(), disks(promised), volumes, pools(), reserved());
    }

    private Map<String, Data> volumes(Map<String, Long> promised) {
        Map<String, Locality> localities = new HashMap<>();
        resources.volumes().forEach(volume -> localities.put(volume.getSpec().id(), locality(volume)));
        Map<String, Long> traffic = traffic();
        Map<String, Data> volumes = new HashMap<>();
        resources.memberships().forEach(membership -> {
            VolumeMembershipSpec spec = membership.getSpec();
            String id = membership.getMetadata().getName();
            if (!spec.deleted()) {
                List<String> syncing = spec.syncing().stream()
                        .map(VolumeMembershipSpec.Stale::disk)
                        .toList();
                VolumeMembershipSpec.Owner owner = spec.owner();
                volumes.put(
                        id,
                        new Data(
                                spec.sizeBytes(),
                                localities.getOrDefault(id, Locality.PREFERRED),
                                spec.inSync(),
                                syncing,
                                owner == null ? 0 : owner.node(),
                                traffic.getOrDefault(id, 0L)));
                promise(membership, promised);
            }
        });
        return volumes;
    }

    /** By volume; one that was moved lately is told of by both nodes. */
    private Map<String, Long> traffic() {
        Map<String, Long> traffic = new HashMap<>();
        resources.storageNodes().forEach(node -> {
            StorageNodeStatus status = node.getStatus();
            if (status != null && status.traffic() != null) {
                status.traffic().forEach(each -> traffic.merge(each.volume(), each.bytesPerSecond(), Long::sum));
            }
        });
        return traffic;
    }

    private static Locality locality(Volume volume) {
        Locality locality = volume.getSpec().locality();
        return locality == null ? Locality.PREFERRED : locality;
    }

    /** What it has and what it is wanted on: by that the replica manager counts too. */
    private static void promise(VolumeMembership membership, Map<String, Long> promised) {
        VolumeMembershipSpec spec = membership.getSpec();
        long bytes = spec.sizeBytes();
        spec.inSync().forEach(disk -> promised.merge(disk, bytes, Long::sum));
        spec.syncing().forEach(stale -> promised.merge(stale.disk(), bytes, Long::sum));
        spec.outOfSync().forEach(stale -> promised.merge(stale.disk(), bytes, Long::sum));
        Map<String, String> annotations = membership.getMetadata().getAnnotations();
        String wanted = annotations == null ? null : annotations.get(Api.PLACEMENT);
        if (wanted != null) {
            for (String disk : wanted.split(",", -1)) {
                if (!spec.inSync().contains(disk)
                        && spec.syncing().stream().noneMatch(each -> each.disk().equals(disk))
                        && spec.outOfSync().stream()
                                .noneMatch(each -> each.disk().equals(disk))) {
                    promised.merge(disk, bytes, Long::sum);
                }
            }
        }
    }

    private Map<String, Machine> machines() {
        Map<String, Machine> machines = new HashMap<>();
        resources.storageNodes().forEach(node -> {
            String name = node.getMetadata().getName();
            machines.put(name, machine(name, node));
        });
        return machines;
    }

    private Machine machine(String name, StorageNode node) {
        Map<String, String> labels = resources.labels(name);
        StorageNodeSpec spec = node.getSpec();
        return new Machine(
                name,
                spec.number(),
                labels.getOrDefault(ZONE, ""),
                labels.getOrDefault(RACK, ""),
                resources.isAlive(name),
                spec.schedulable() == null || spec.schedulable(),
                Boolean.TRUE.equals(spec.evacuate()));
    }

    private Map<String, Storage> disks(Map<String, Long> promised) {
        Map<String, Storage> disks = new HashMap<>();
        resources.disks().forEach(disk -> {
            String id = disk.getMetadata().getName();
            disks.put(id, disk(id, disk, promised.getOrDefault(id, 0L)));
        });
        return disks;
    }

    private static Storage disk(String id, Disk disk, long promised) {
        DiskStatus status = disk.getStatus();
        Capacity capacity = status == null ? null : status.capacity();
        String pool = disk.getSpec() == null ? null : disk.getSpec().pool();
        String node = status == null ? null : status.node();
        DiskStatus.State state = status == null ? null : status.state();
        return new Storage(
                id,
                pool == null ? "" : pool,
                node == null ? "" : node,
                capacity == null ? 0 : orZero(capacity.usableBytes()),
                capacity == null ? 0 : orZero(capacity.usedBytes()),
                promised,
                state == DiskStatus.State.READY || state == DiskStatus.State.DRAINING,
                state == DiskStatus.State.DRAINING
                        || (disk.getSpec() != null
                                && Boolean.TRUE.equals(disk.getSpec().evacuate())));
    }

    private static long orZero(@Nullable Long bytes) {
        return bytes == null ? 0 : bytes;
    }

    private Map<String, Pool> pools() {
        Map<String, Pool> pools = new HashMap<>();
        resources.pools().forEach(pool -> {
            StoragePoolSpec spec = pool.getSpec();
            Spread spread = spec.spread();
            pools.put(
                    pool.getMetadata().getName(),
                    new Pool(
                            or(spec.replicas(), DEFAULT_REPLICAS),
                            spread == null ? Spread.NODE : spread,
                            or(spec.overProvisioningPercent(), DEFAULT_OVER_PROVISIONING),
                            or(spec.fullPercent(), DEFAULT_FULL)));
        });
        return pools;
    }

    private static int or(@Nullable Integer given, int usual) {
        return given == null ? usual : given;
    }

    /** By the node that kube-scheduler chose for their pods: what claims will take that have no volume yet. */
    private Map<String, Map<String, Long>> reserved() {
        Map<String, Map<String, Long>> reserved = new HashMap<>();
        resources.claims().forEach(claim -> {
            Map<String, String> annotations = claim.getMetadata().getAnnotations();
            String node = annotations == null ? null : annotations.get(Claims.SELECTED_NODE);
            String volume = claim.getSpec().getVolumeName();
            if (node != null && (volume == null || volume.isEmpty())) {
                StorageClass storageClass = classOf.apply(claim);
                if (storageClass != null && Api.DRIVER.equals(storageClass.getProvisioner())) {
                    Claim.Unbound waiting = claims.unbound(claim, storageClass);
                    reserved.computeIfAbsent(node, each -> new HashMap<>())
                            .merge(waiting.pool(), waiting.bytes(), Long::sum);
                }
            }
        });
        return reserved;
    }
}
