package storage.cairn.replicamanager.failover;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.api.model.storage.CSINode;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Informable;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.VolumeMembership;

/**
 * Watches nodes by their Leases and what engines say of each other, and runs failover's rounds in one thread. One that
 * does not lead watches only: when it comes to lead because the leader's node died, it has seen that for itself already.
 */
public final class FailoverProcess implements AutoCloseable {
    private static final long PAUSE_MILLIS = 500;
    /** Events that wait to be written. */
    private static final int MOST_EVENTS = 256;

    private static final Logger LOG = LogManager.getLogger(FailoverProcess.class);

    private final SharedIndexInformer<Lease> kubelets;
    private final SharedIndexInformer<Lease> engines;
    private final SharedIndexInformer<Node> machines;
    private final SharedIndexInformer<CSINode> drivers;
    private final SharedIndexInformer<StorageNode> nodes;
    private final SharedIndexInformer<StorageCluster> clusters;
    private final SharedIndexInformer<VolumeMembership> memberships;
    private final KubernetesClient client;
    private final FailoverFigures figures;
    private final Limits limits;
    private final Thread thread = Thread.ofPlatform().name("failover").unstarted(this::run);
    private final ExecutorService events = new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(MOST_EVENTS),
            Thread.ofPlatform().name("failover-events").daemon().factory());
    private Vigil vigil;
    private Failover failover;
    private @Nullable Wish wish;
    private volatile boolean leads;
    private volatile boolean closed;

    /** What the StorageCluster says. */
    private record Wish(boolean enabled, boolean dryRun, long nodeLeaseMillis) {}

    public FailoverProcess(KubernetesClient client, MeterRegistry registry) {
        this(client, registry, Limits.DEFAULTS);
    }

    FailoverProcess(KubernetesClient client, MeterRegistry registry, Limits limits) {
        this.client = client;
        this.figures = new FailoverFigures(registry);
        this.limits = limits;
        this.vigil = new Vigil(limits);
        this.failover = failover(vigil, limits, false);
        this.kubelets = follow(client.leases().inNamespace(KubernetesHands.NODE_LEASES));
        this.engines = follow(client.leases().inNamespace(Api.NAMESPACE));
        this.machines = follow(client.nodes());
        this.drivers = follow(client.storage().v1().csiNodes());
        this.nodes = follow(client.resources(StorageNode.class));
        this.clusters = follow(client.resources(StorageCluster.class));
        this.memberships = follow(client.resources(VolumeMembership.class));
    }

    private static <T> SharedIndexInformer<T> follow(Informable<T> kind) {
        SharedIndexInformer<T> informer = kind.runnableInformer(0);
        informer.exceptionHandler((started, failure) -> {
            LOG.warn(
                    "{} cannot be followed now, and is tried again: {}",
                    informer.getApiTypeClass().getSimpleName(),
                    failure.toString());
            return true;
        });
        return informer;
    }

    private List<SharedIndexInformer<?>> all() {
        return List.of(kubelets, engines, machines, drivers, nodes, clusters, memberships);
    }

    public void start() {
        all().forEach(informer -> {
            var _ = informer.start();
        });
        thread.start();
    }

    /** From now on acts on what it sees, until it is closed. */
    public void lead() {
        leads = true;
    }

    /** Whether everything was read once. */
    public boolean isReady() {
        return all().stream().allMatch(SharedIndexInformer::hasSynced);
    }

    /** Why this process has to be started anew, empty when it does what it is for. */
    public String problem() {
        return closed || thread.getState() == Thread.State.NEW || thread.isAlive()
                ? ""
                : "the thread of failover has ended; its log says why";
    }

    private static long millis() {
        return System.nanoTime() / 1_000_000;
    }

    private void run() {
        try {
            while (!closed && !isReady()) {
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
            }
            while (!closed) {
                try {
                    watch();
                } catch (RuntimeException e) {
                    LOG.error("a round of failover failed; the next one begins anew", e);
                }
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void watch() {
        Wish now = wish();
        if (!now.equals(wish)) {
            // Nobody is judged by what was seen under other rules.
            LOG.info("failover: {}", now);
            Limits own = now.nodeLeaseMillis() == 0 ? limits : limits.withNodeLease(now.nodeLeaseMillis());
            vigil = new Vigil(own);
            failover = failover(vigil, own, now.dryRun());
            wish = now;
        }
        if (!now.enabled()) {
            return;
        }
        look(vigil);
        Map<String, Host> hosts = vigil.hosts(traits(), millis());
        if (leads) {
            failover.round(hosts, millis());
            // What a read from the store showed is used at once.
            failover.round(vigil.hosts(traits(), millis()), millis());
        }
    }

    private Failover failover(Vigil vigil, Limits own, boolean dryRun) {
        return new Failover(
                own,
                dryRun,
                new KubernetesHands(client, () -> memberships.getStore().list(), observer(vigil), events),
                figures);
    }

    private static KubernetesHands.Observer observer(Vigil vigil) {
        return new KubernetesHands.Observer() {
            @Override
            public void confirmed(String node, String beat) {
                vigil.confirm(node, beat, millis());
            }

            @Override
            public void answered(String node) {
                vigil.answered(node, millis());
            }
        };
    }

    private Wish wish() {
        StorageCluster cluster = clusters.getStore().getByKey(Api.CLUSTER);
        StorageClusterSpec spec = cluster == null ? null : cluster.getSpec();
        StorageClusterSpec.Failover wanted = spec == null ? null : spec.failover();
        if (wanted == null) {
            return new Wish(true, false, 0);
        }
        Integer seconds = wanted.nodeLeaseSeconds();
        return new Wish(
                !Boolean.FALSE.equals(wanted.enabled()),
                Boolean.TRUE.equals(wanted.dryRun()),
                seconds == null ? 0 : seconds * 1_000L);
    }

    /** Leases as the informers have them now: a Lease that changed is a sign of life of just now. */
    private void look(Vigil vigil) {
        Map<Integer, String> names = new HashMap<>();
        for (StorageNode node : nodes.getStore().list()) {
            names.put(node.getSpec().number(), name(node));
        }
        for (Lease lease : kubelets.getStore().list()) {
            vigil.kubelet(name(lease), KubernetesHands.beat(lease), millis());
        }
        for (Lease lease : engines.getStore().list()) {
            if (name(lease).startsWith(Api.LEASE_PREFIX)) {
                vigil.engine(
                        name(lease).substring(Api.LEASE_PREFIX.length()),
                        KubernetesHands.beat(lease),
                        missed(lease, names),
                        millis());
            }
        }
    }

    private static Vigil.@Nullable Missed missed(Lease lease, Map<Integer, String> names) {
        Map<String, String> annotations = lease.getMetadata().getAnnotations();
        String unreachable = annotations == null ? null : annotations.get(Api.UNREACHABLE);
        if (annotations == null || unreachable == null) {
            return null;
        }
        return new Vigil.Missed(named(unreachable, names), named(annotations.getOrDefault(Api.REFUSED, ""), names));
    }

    private static Set<String> named(String numbers, Map<Integer, String> names) {
        Set<String> named = new TreeSet<>();
        for (String number : numbers.split(",", -1)) {
            String name = number.matches("[0-9]{1,4}") ? names.get(Integer.valueOf(number)) : null;
            if (name != null) {
                named.add(name);
            }
        }
        return named;
    }

    private static String name(HasMetadata object) {
        return object.getMetadata().getName();
    }

    private Map<String, Vigil.Traits> traits() {
        Map<String, Vigil.Traits> traits = new HashMap<>();
        for (Node machine : machines.getStore().list()) {
            traits.put(
                    name(machine),
                    traits(
                            machine,
                            nodes.getStore().getByKey(name(machine)),
                            drivers.getStore().getByKey(name(machine))));
        }
        return traits;
    }

    private static Vigil.Traits traits(Node machine, @Nullable StorageNode node, @Nullable CSINode drivers) {
        Map<String, String> labels = machine.getMetadata().getLabels();
        Taint ours = null;
        for (Taint taint : machine.getSpec().getTaints()) {
            ours = KubernetesHands.isOurs(taint) ? taint : ours;
        }
        return new Vigil.Traits(
                node == null ? 0 : node.getSpec().number(),
                labels != null && "disabled".equals(labels.get(Api.FAILOVER)),
                node != null && inMaintenance(node.getSpec().maintenance()),
                ours != null,
                ours != null && isClean(machine, node, drivers, ours));
    }

    private static boolean inMaintenance(StorageNodeSpec.@Nullable Maintenance maintenance) {
        try {
            return maintenance != null && Instant.parse(maintenance.until()).isAfter(Instant.now());
        } catch (DateTimeException e) {
            return false;
        }
    }

    /**
     * Whether a node that lives again may host volumes: its CSI driver says that nothing is left of volumes that others
     * took over, and that kubelet knows it. Where no driver is, a new boot is enough, which leaves nothing.
     */
    static boolean isClean(Node machine, @Nullable StorageNode node, @Nullable CSINode drivers, Taint taint) {
        Map<String, String> said = node == null ? null : node.getMetadata().getAnnotations();
        String value = taint.getValue();
        if (said != null && value != null && value.equals(said.get(Api.CLEANED))) {
            return true;
        }
        // The API server has null for none of them, as long as kubelet knows none.
        boolean hasDriver = drivers != null
                && drivers.getSpec().getDrivers() != null
                && drivers.getSpec().getDrivers().stream().anyMatch(driver -> Api.DRIVER.equals(driver.getName()));
        Map<String, String> before = machine.getMetadata().getAnnotations();
        String failedBoot = before == null ? "" : before.getOrDefault(Api.FAILED_BOOT, "");
        var info = machine.getStatus() == null ? null : machine.getStatus().getNodeInfo();
        String boot = info == null || info.getBootID() == null ? "" : info.getBootID();
        return !hasDriver && !failedBoot.isEmpty() && !boot.isEmpty() && !boot.equals(failedBoot);
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        events.shutdown();
        all().forEach(SharedIndexInformer::stop);
    }
}
