package storage.cairn.csi;

import io.grpc.StatusRuntimeException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.client.attach.Attachment;
import storage.cairn.client.attach.Attachments;

/**
 * Brings volumes that are devices of this node back to its engine. An engine that ends in order hands its volumes to
 * other nodes, where no device can follow them; when it is there again, the devices wait for it. One question a second to
 * the local engine, which asks nobody, while anything is attached.
 */
final class Recall implements AutoCloseable {
    private static final Logger LOG = LogManager.getLogger(Recall.class);
    private static final long PERIOD_MILLIS = 1_000;

    private final EngineControl engine;
    private final Attachments attachments;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("recall").factory());

    Recall(EngineControl engine, Attachments attachments) {
        this.engine = engine;
        this.attachments = attachments;
        var _ = thread.scheduleWithFixedDelay(this::look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            var attached = attachments.all();
            if (attached.isEmpty()) {
                return;
            }
            NodeStatus status = engine.status();
            for (Volume volume : status.getVolumesList()) {
                String export = volume.getName() + "/" + volume.getAttachId();
                if (volume.getOwnerNode() != 0
                        && volume.getOwnerNode() != status.getNode()
                        && attached.stream().map(Attachment::exportName).anyMatch(export::equals)) {
                    LOG.info(
                            "volume {} is a device here and served by node {}: it is brought back",
                            volume.getName(),
                            volume.getOwnerNode());
                    engine.move(volume.getName(), status.getNode());
                }
            }
        } catch (StatusRuntimeException e) {
            LOG.debug("the engine does not answer: {}", e.getStatus());
        } catch (RuntimeException e) {
            // Tried again in a second; nothing else would tell of it.
            LOG.warn("volumes cannot be brought back to this node: {}", e.toString());
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
