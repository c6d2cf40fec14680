package storage.cairn.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.Volume;

/**
 * Says in an event what is left when the StorageCluster was deleted. No finalizer holds it: uninstalling must not need an
 * operator that works. Each operator process may say so; the event is one.
 */
final class Farewell implements ResourceEventHandler<StorageCluster>, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Farewell.class);

    private final Cluster api;
    private final KubernetesClient client;
    private final Settings settings;
    private final SharedIndexInformer<StorageCluster> informer;

    Farewell(Cluster api, KubernetesClient client, Settings settings) {
        this.api = api;
        this.client = client;
        this.settings = settings;
        this.informer = client.resources(StorageCluster.class)
                .runnableInformer(0)
                .addEventHandler(this)
                .exceptionHandler((started, error) -> true);
    }

    /** Begins to watch, and goes on whatever the API server does. */
    void start() {
        informer.start().whenComplete((done, error) -> {
            if (error != null) {
                LOG.warn("StorageClusters are not watched: {}", error.toString());
            }
        });
    }

    @Override
    public void onAdd(StorageCluster cluster) {
        LOG.debug("StorageCluster {} is there", cluster.getMetadata().getName());
    }

    @Override
    public void onUpdate(StorageCluster before, StorageCluster now) {
        LOG.debug("StorageCluster {} changed", now.getMetadata().getName());
    }

    @Override
    public void onDelete(StorageCluster cluster, boolean finalStateUnknown) {
        // Not on the thread of the informer, which must not wait.
        Thread.ofVirtual().name("farewell").start(() -> tell(cluster));
    }

    private void tell(StorageCluster cluster) {
        try {
            int disks = (int) client.resources(Disk.class).list().getItems().stream()
                    .filter(disk -> disk.getSpec() != null && disk.getSpec().pool() != null)
                    .count();
            int volumes = client.resources(Volume.class).list().getItems().size();
            String message = message(disks, volumes, settings);
            LOG.info("{}", message);
            api.onceEvent(cluster, "Uninstalled", message);
        } catch (KubernetesClientException e) {
            LOG.warn("nobody could be told what is left: {}", e.getMessage());
        }
    }

    static String message(int disks, int volumes, Settings settings) {
        return "the engines end, and volumes are no longer served. Nothing is erased. Left: " + disks
                + " disks with the"
                + " data of " + volumes + " volumes, their resources, and in namespace " + settings.namespace()
                + " the secret " + Names.IDENTITY + " and the ConfigMap " + Names.NUMBERS
                + ". A new StorageCluster finds all of it again; docs/kubernetes.md tells how to remove it for good";
    }

    @Override
    public void close() {
        informer.stop();
    }
}
