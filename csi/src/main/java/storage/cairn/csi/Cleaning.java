package storage.cairn.csi;

import io.fabric8.kubernetes.client.KubernetesClientException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.api.resource.Api;

/**
 * Makes this node clean after others took its volumes over: fails their devices, unmounts their filesystems, and says so
 * by the annotation {@link Api#CLEANED}, which lets failover take its taint off, once pods can get volumes here again.
 * Which volumes those are, their memberships say.
 */
final class Cleaning implements AutoCloseable {
    private static final Logger LOG = LogManager.getLogger(Cleaning.class);
    private static final long PERIOD_MILLIS = 5_000;

    private final String node;
    private final VolumeResources volumes;
    private final Staging staging;
    private final OperationLocks locks;
    private final BooleanSupplier hosts;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("cleaning").factory());

    /**
     * @param hosts whether kubelet knows this driver: until then a pod that is put here would wait for it
     */
    Cleaning(String node, VolumeResources volumes, Staging staging, OperationLocks locks, BooleanSupplier hosts) {
        this.node = node;
        this.volumes = volumes;
        this.staging = staging;
        this.locks = locks;
        this.hosts = hosts;
    }

    void start() {
        var _ = thread.scheduleWithFixedDelay(this::look, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            String failover = volumes.failoverToAnswer(node);
            if (!failover.isEmpty() && clean() && hosts.getAsBoolean()) {
                volumes.answerFailover(node, failover);
                LOG.info("failover={} nothing is left here of volumes that others took over", failover);
            }
        } catch (KubernetesClientException e) {
            LOG.warn("whether others took volumes over cannot be asked now, and is tried again: {}", e.getMessage());
        } catch (RuntimeException e) {
            LOG.error("what others took over cannot be taken away here, and is tried again", e);
        }
    }

    /** Answers whether all is done. */
    private boolean clean() {
        boolean done = true;
        for (String id : staging.known()) {
            try {
                locks.alone(id, "taking it away from this node", () -> {
                    giveUpIfSuperseded(id);
                    return true;
                });
            } catch (CsiException e) {
                LOG.warn("volume={} is not gone yet: {}", id, e.getMessage());
                done = false;
            }
        }
        return done;
    }

    private void giveUpIfSuperseded(String id) {
        staging.export(id)
                .filter(export -> volumes.isSuperseded(id, Staging.attachId(export)))
                .ifPresent(export -> {
                    LOG.warn("volume={} was taken over by others: its device is taken away, and unmounted", id);
                    staging.giveUp(id);
                });
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
