package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Informable;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;

/** Keeps copies of all resources that decisions depend on: no question is passed on to the API server. */
final class Informed implements Claims.Objects, Resources, AutoCloseable {
    /** An engine renews its Lease each 10 s. */
    private static final Duration SILENCE = Duration.ofSeconds(40);

    /** kube-scheduler renews its own each second. */
    private static final Duration SCHEDULER_SILENCE = Duration.ofSeconds(8);

    private static final Logger LOG = LogManager.getLogger(Informed.class);

    private final Runnable changed;
    private final LastHeard engines = new LastHeard(SILENCE.toMillis());
    private final LastHeard schedulers = new LastHeard(SCHEDULER_SILENCE.toMillis());
    private final SharedIndexInformer<Volume> volumes;
    private final SharedIndexInformer<VolumeMembership> memberships;
    private final SharedIndexInformer<StoragePool> pools;
    private final SharedIndexInformer<Disk> disks;
    private final SharedIndexInformer<StorageNode> nodes;
    private final SharedIndexInformer<Node> machines;
    private final SharedIndexInformer<Lease> leases;
    private final SharedIndexInformer<PersistentVolumeClaim> claims;
    private final SharedIndexInformer<PersistentVolume> persistentVolumes;
    private final SharedIndexInformer<StorageClass> classes;

    /**
     * @param changed called on threads of the informers when something changed
     */
    Informed(KubernetesClient client, Runnable changed) {
        this.changed = changed;
        this.volumes = follow(client.resources(Volume.class), Informed::bare);
        this.memberships = follow(client.resources(VolumeMembership.class), each -> {
            Map<String, String> annotations = each.getMetadata().getAnnotations();
            String placement = annotations == null ? null : annotations.get(Api.PLACEMENT);
            bare(each).getMetadata().setAnnotations(placement == null ? null : Map.of(Api.PLACEMENT, placement));
            return each;
        });
        this.pools = follow(client.resources(StoragePool.class), UnaryOperator.identity());
        this.disks = follow(client.resources(Disk.class), Informed::bare);
        this.nodes = follow(client.resources(StorageNode.class), Informed::bare);
        this.machines = follow(client.nodes(), each -> {
            each.setStatus(null);
            each.getMetadata().setAnnotations(null);
            return each;
        });
        this.leases = client.leases().inNamespace(Api.NAMESPACE).runnableInformer(0);
        leases.addEventHandler(new LeaseHandler());
        start(leases);
        this.claims = follow(client.persistentVolumeClaims().inAnyNamespace(), each -> {
            Map<String, String> annotations = each.getMetadata().getAnnotations();
            String selected = annotations == null ? null : annotations.get(Claims.SELECTED_NODE);
            each.setStatus(null);
            bare(each).getMetadata().setAnnotations(selected == null ? null : Map.of(Claims.SELECTED_NODE, selected));
            return each;
        });
        this.persistentVolumes = follow(client.persistentVolumes(), Informed::bare);
        this.classes = follow(client.storage().v1().storageClasses(), UnaryOperator.identity());
    }

    private static <T extends HasMetadata> T bare(T object) {
        object.getMetadata().setAnnotations(null);
        object.getMetadata().setLabels(null);
        object.getMetadata().setOwnerReferences(null);
        return object;
    }

    private <T extends HasMetadata> SharedIndexInformer<T> follow(Informable<T> kind, UnaryOperator<T> trim) {
        SharedIndexInformer<T> informer = kind.runnableInformer(0);
        informer.itemStore(new Trimmed<>(trim));
        // Nothing is looked up by namespace.
        informer.removeNamespaceIndex();
        informer.addEventHandler(new Handler<>(changed));
        start(informer);
        return informer;
    }

    /** Never gives up: an API server that does not answer yet will. */
    private static void start(SharedIndexInformer<?> informer) {
        informer.exceptionHandler((started, failure) -> {
            LOG.warn(
                    "{} cannot be followed now, and is tried again: {}",
                    informer.getApiTypeClass().getSimpleName(),
                    failure.toString());
            return true;
        });
        var _ = informer.start();
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

    private final class LeaseHandler implements ResourceEventHandler<Lease> {
        @Override
        public void onAdd(Lease lease) {
            String name = lease.getMetadata().getName();
            Instant renewed = lease.getSpec().getRenewTime() == null
                    ? null
                    : lease.getSpec().getRenewTime().toInstant();
            (name.startsWith(Api.LEASE_PREFIX) ? engines : schedulers).seen(name, renewed, millis());
        }

        @Override
        public void onUpdate(Lease before, Lease now) {
            onAdd(now);
        }

        @Override
        public void onDelete(Lease lease, boolean unknown) {
            engines.gone(lease.getMetadata().getName());
            schedulers.gone(lease.getMetadata().getName());
        }
    }

    private static long millis() {
        return System.nanoTime() / 1_000_000;
    }

    private List<SharedIndexInformer<?>> all() {
        return List.of(volumes, memberships, pools, disks, nodes, machines, leases, claims, persistentVolumes, classes);
    }

    /** What was not read yet, empty when everything was. */
    String missing() {
        StringBuilder missing = new StringBuilder();
        for (SharedIndexInformer<?> informer : all()) {
            if (!informer.hasSynced()) {
                missing.append(missing.isEmpty() ? "" : ", ")
                        .append(informer.getApiTypeClass().getSimpleName());
            }
        }
        return missing.toString();
    }

    @Override
    public boolean isAlive(String node) {
        return engines.isAlive(Api.LEASE_PREFIX + node, millis(), Instant.now());
    }

    /** Whether some process leads that scheduler now. */
    boolean schedulerLeads(String lease) {
        return schedulers.isAlive(lease, millis(), Instant.now());
    }

    /** Who leads it, as it calls itself: the name of its pod and a random number; empty when nobody does. */
    String leader(String lease) {
        Lease found = leases.getStore().getByKey(Api.NAMESPACE + "/" + lease);
        String holder = found == null ? null : found.getSpec().getHolderIdentity();
        return holder == null ? "" : holder;
    }

    @Override
    public Stream<Volume> volumes() {
        return volumes.getStore().list().stream();
    }

    @Override
    public Stream<VolumeMembership> memberships() {
        return memberships.getStore().list().stream();
    }

    @Override
    public Stream<StoragePool> pools() {
        return pools.getStore().list().stream();
    }

    @Override
    public Stream<Disk> disks() {
        return disks.getStore().list().stream();
    }

    @Override
    public Stream<StorageNode> storageNodes() {
        return nodes.getStore().list().stream();
    }

    @Override
    public Stream<PersistentVolumeClaim> claims() {
        return claims.getStore().list().stream();
    }

    @Override
    public Map<String, String> labels(String node) {
        Node machine = machines.getStore().getByKey(node);
        Map<String, String> labels =
                machine == null ? null : machine.getMetadata().getLabels();
        return labels == null ? Map.of() : new HashMap<>(labels);
    }

    @Override
    public @Nullable PersistentVolumeClaim claim(String namespace, String name) {
        return claims.getStore().getByKey(namespace + "/" + name);
    }

    @Override
    public @Nullable PersistentVolume volume(String name) {
        return persistentVolumes.getStore().getByKey(name);
    }

    @Override
    public @Nullable StorageClass storageClass(String name) {
        return name.isEmpty() ? null : classes.getStore().getByKey(name);
    }

    @Override
    public String onlyPool() {
        List<StoragePool> all = pools.getStore().list();
        return all.size() == 1 ? all.getFirst().getMetadata().getName() : "";
    }

    @Override
    public void close() {
        all().forEach(SharedIndexInformer::stop);
    }
}
