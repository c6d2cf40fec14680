package storage.cairn.csi;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Makes the driver known to kubelet as soon as the engine of this node answers. A node without an engine stays unknown,
 * so that no pod with a volume is scheduled to it.
 */
final class Registrar implements AutoCloseable {
    private static final Logger LOG = LogManager.getLogger(Registrar.class);
    private static final long PERIOD_MILLIS = 500;

    private final EngineControl engine;
    private final Path socket;
    private final Path endpoint;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("registrar").factory());
    private @Nullable SocketServer server;
    private volatile boolean known;

    /**
     * @param folder that kubelet watches
     * @param endpoint socket of the driver, as kubelet sees it
     */
    Registrar(EngineControl engine, Path folder, Path endpoint) {
        this.engine = engine;
        this.socket = folder.resolve(IdentityService.DRIVER + "-reg.sock");
        this.endpoint = endpoint;
        LOG.info("waits for the engine of this node before kubelet is told");
        var _ = thread.scheduleWithFixedDelay(this::look, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Whether kubelet gives pods their volumes by this process. */
    boolean isKnown() {
        return known;
    }

    private synchronized void look() {
        if (server != null || thread.isShutdown() || !engine.answers()) {
            return;
        }
        try {
            server = new SocketServer(socket, List.of(new RegistrationService(endpoint, () -> known = true)));
            LOG.info("kubelet is told by {}", socket);
        } catch (IOException e) {
            LOG.error("kubelet cannot be told: {}", e.toString());
        }
    }

    @Override
    public synchronized void close() {
        thread.shutdownNow();
        if (server != null) {
            server.close();
        }
    }
}
