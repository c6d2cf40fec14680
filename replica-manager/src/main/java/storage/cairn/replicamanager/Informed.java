package storage.cairn.replicamanager;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Informable;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/** Keeps copies of all resources that decisions depend on, and makes a {@link Cluster} of them. */
final class Informed implements AutoCloseable {
    static final String DELETE_AFTER = Api.GROUP + "/delete-after";
    private static final String ZONE = "topology.kubernetes.io/zone";
    private static final String RACK = "topology." + Api.GROUP + "/rack";
    private static final Logger LOG = LogManager.getLogger(Informed.class);

    private final SharedIndexInformer<Volume> volumes;
    private final SharedIndexInformer<VolumeMembership> memberships;
    private final SharedIndexInformer<StoragePool> pools;
    private final SharedIndexInformer<Disk> disks;
    private final SharedIndexInformer<StorageNode> nodes;
    private final SharedIndexInformer<Lease> leases;
    private final SharedIndexInformer<Node> machines;
    private final LastHeard lastHeard;

    /**
     * @param silence an engine that shows no life for longer is away
     * @param changed called on threads of the informers when something but a Lease changed
     */
    Informed(KubernetesClient client, Duration silence, Runnable changed) {
        this.lastHeard = new LastHeard(silence);
        this.volumes = follow(client.resources(Volume.class), changed);
        this.memberships = follow(client.resources(VolumeMembership.class), changed);
        this.pools = follow(client.resources(StoragePool.class), changed);
        this.disks = follow(client.resources(Disk.class), changed);
        this.nodes = follow(client.resources(StorageNode.class), changed);
        this.leases = follow(client.leases().inNamespace(Api.NAMESPACE), () -> {});
        this.machines = follow(client.nodes(), () -> {});
    }

    /** Begins to follow a kind, and never gives up: an API server that does not answer yet will. */
    private static <T> SharedIndexInformer<T> follow(Informable<T> kind, Runnable changed) {
        SharedIndexInformer<T> informer = kind.runnableInformer(0);
        informer.addEventHandler(new Handler<>(changed));
        informer.exceptionHandler((started, failure) -> {
            LOG.warn(
                    "{} cannot be followed now, and is tried again: {}",
                    informer.getApiTypeClass(),
                    failure.toString());
            return true;
        });
        var _ = informer.start();
        return informer;
    }

    private record Handler<T>(Runnable changed) implements ResourceEventHandler<T> {
        @Override
        public void onAdd(T object) {
            changed.run();
        }

        @Override
        public void onUpdate(T before, T now) {
            changed.run();
        }

        @Override
        public void onDelete(T object, boolean unknown) {
            changed.run();
        }
    }

    private List<SharedIndexInformer<?>> all() {
        return List.of(volumes, memberships, pools, disks, nodes, leases, machines);
    }

    /** Whether everything was read once, and is being followed. */
    boolean isComplete() {
        return all().stream().allMatch(SharedIndexInformer::hasSynced);
    }

    boolean isWatching() {
        return all().stream().allMatch(SharedIndexInformer::isWatching);
    }

    /** Everything as it is known now. */
    Cluster cluster(Instant now) {
        return new Cluster(now, pools(), disks(), nodes(now), volumes());
    }

    @Nullable
    Volume volume(String name) {
        return volumes.getStore().getByKey(name);
    }

    List<StorageNode> storageNodes() {
        return nodes.getStore().list();
    }

    List<Disk> allDisks() {
        return disks.getStore().list();
    }

    private Map<String, StoragePoolSpec> pools() {
        Map<String, StoragePoolSpec> all = new TreeMap<>();
        pools.getStore().list().forEach(pool -> all.put(name(pool), pool.getSpec()));
        return all;
    }

    static String name(HasMetadata object) {
        return object.getMetadata().getName();
    }

    private Map<String, NodeState> nodes(Instant now) {
        Map<String, Instant> heard = heardOf(now);
        Map<String, NodeState> all = new TreeMap<>();
        for (StorageNode node : nodes.getStore().list()) {
            Node machine = machines.getStore().getByKey(name(node));
            Map<String, String> labels =
                    machine == null || machine.getMetadata().getLabels() == null
                            ? Map.of()
                            : machine.getMetadata().getLabels();
            StorageNodeSpec spec = node.getSpec();
            StorageNodeSpec.Maintenance maintenance = spec.maintenance();
            all.put(
                    name(node),
                    new NodeState(
                            name(node),
                            spec.number(),
                            labels.getOrDefault(ZONE, ""),
                            labels.getOrDefault(RACK, ""),
                            heard.get(name(node)),
                            spec.schedulable() == null || spec.schedulable(),
                            Boolean.TRUE.equals(spec.evacuate()),
                            maintenance == null ? null : instant(maintenance.until())));
        }
        return all;
    }

    private Map<String, Instant> heardOf(Instant now) {
        Map<String, Instant> renewed = new TreeMap<>();
        for (Lease lease : leases.getStore().list()) {
            if (name(lease).startsWith(Api.LEASE_PREFIX) && lease.getSpec().getRenewTime() != null) {
                renewed.put(
                        name(lease).substring(Api.LEASE_PREFIX.length()),
                        lease.getSpec().getRenewTime().toInstant());
            }
        }
        return lastHeard.look(renewed, now, System.nanoTime());
    }

    private static @Nullable Instant instant(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeException e) {
            LOG.warn("'{}' is no moment in UTC; it counts as not given", text);
            return null;
        }
    }

    private Map<String, DiskState> disks() {
        Map<String, DiskState> all = new TreeMap<>();
        for (Disk disk : disks.getStore().list()) {
            DiskStatus status = disk.getStatus();
            String pool = disk.getSpec() == null ? null : disk.getSpec().pool();
            Capacity capacity = status == null ? null : status.capacity();
            all.put(
                    name(disk),
                    new DiskState(
                            name(disk),
                            pool == null ? "" : pool,
                            status == null || status.node() == null ? "" : status.node(),
                            capacity == null ? 0 : orZero(capacity.usableBytes()),
                            capacity == null ? 0 : orZero(capacity.usedBytes()),
                            failedSince(disk, status),
                            status == null || status.reason() == null ? "" : status.reason(),
                            disk.getSpec() != null
                                    && Boolean.TRUE.equals(disk.getSpec().evacuate())));
        }
        return all;
    }

    private static long orZero(@Nullable Long bytes) {
        return bytes == null ? 0 : bytes;
    }

    private static @Nullable Instant failedSince(Disk disk, @Nullable DiskStatus status) {
        if (status != null
                && (status.state() == DiskStatus.State.READY || status.state() == DiskStatus.State.DRAINING)) {
            return null;
        }
        if (status != null && status.conditions() != null) {
            for (Condition condition : status.conditions()) {
                if ("Ready".equals(condition.getType()) && "False".equals(condition.getStatus())) {
                    return instant(condition.getLastTransitionTime());
                }
            }
        }
        return instant(disk.getMetadata().getCreationTimestamp());
    }

    private Map<String, VolumeState> volumes() {
        Map<String, VolumeMembership> byId = new TreeMap<>();
        memberships.getStore().list().forEach(each -> byId.put(name(each), each));
        Map<String, VolumeState> all = new TreeMap<>();
        for (Volume volume : volumes.getStore().list()) {
            VolumeMembership membership = byId.get(volume.getSpec().id());
            String after = annotation(volume, DELETE_AFTER);
            all.put(
                    name(volume),
                    new VolumeState(
                            name(volume),
                            volume.getMetadata().getGeneration() == null
                                    ? 0
                                    : volume.getMetadata().getGeneration(),
                            volume.getSpec(),
                            membership == null ? null : membership.getSpec(),
                            membership == null ? List.of() : listed(annotation(membership, Api.PLACEMENT)),
                            membership == null ? 0 : bytes(membership),
                            after.isEmpty() ? null : instant(after),
                            volume.getMetadata().getFinalizers().contains(VolumePlan.FINALIZER),
                            volume.getMetadata().getDeletionTimestamp() != null,
                            membership == null ? Map.of() : held(membership),
                            annotation(volume, Api.RECOVER)));
        }
        return all;
    }

    /** The size that engines were told of; what is no number was never told. */
    private static long bytes(VolumeMembership membership) {
        String text = annotation(membership, Api.SIZE);
        return text.matches("[0-9]{1,18}") ? Long.parseLong(text) : 0;
    }

    /** What engines put on record of replicas that are ahead of the store. */
    private static Map<String, VolumeMembershipSpec> held(VolumeMembership membership) {
        Map<String, VolumeMembershipSpec> held = new TreeMap<>();
        Map<String, String> annotations = membership.getMetadata().getAnnotations();
        if (annotations != null) {
            annotations.forEach((key, text) -> {
                if (key.startsWith(Api.WITNESS_PREFIX)) {
                    try {
                        held.put(
                                key.substring(Api.WITNESS_PREFIX.length()),
                                Serialization.unmarshal(text, VolumeMembershipSpec.class));
                    } catch (RuntimeException e) {
                        LOG.warn("annotation {} of membership {} cannot be read: {}", key, name(membership), e);
                    }
                }
            });
        }
        return held;
    }

    /** Ids of memberships of living volumes for which there is no Volume. */
    List<String> orphans() {
        List<String> ids = new ArrayList<>();
        Set<String> known = volumes.getStore().list().stream()
                .map(volume -> volume.getSpec().id())
                .collect(Collectors.toSet());
        for (VolumeMembership membership : memberships.getStore().list()) {
            if (!membership.getSpec().deleted() && !known.contains(name(membership))) {
                ids.add(name(membership));
            }
        }
        return ids;
    }

    private static String annotation(HasMetadata object, String key) {
        Map<String, String> annotations = object.getMetadata().getAnnotations();
        return annotations == null ? "" : annotations.getOrDefault(key, "");
    }

    private static List<String> listed(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split(","));
    }

    @Override
    public void close() {
        all().forEach(SharedIndexInformer::stop);
    }
}
