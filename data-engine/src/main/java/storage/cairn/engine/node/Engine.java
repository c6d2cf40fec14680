package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.embedded.DirectoryConfigStore;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.kube.KubernetesConfigStore;
import storage.cairn.engine.nbd.NbdServer;
import storage.cairn.engine.nbd.NbdSettings;
import storage.cairn.engine.net.PeerTransport;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Log.Level;
import storage.cairn.engine.protocol.Frames;
import storage.cairn.engine.replication.NodeBuffers;
import storage.cairn.engine.replication.NodeIdentity;
import storage.cairn.engine.replication.NodeSettings;
import storage.cairn.engine.replication.StorageNode;

/**
 * One engine: puts the rooms together, brings them up step by step, and takes them down again.
 *
 * <p>The data path is one event loop. Control, metrics and the configuration store's files have threads of their own
 * and hop onto the loop.
 */
final class Engine {
    private static final int ENDED_IN_ORDER = 0;
    private static final int ENDED_OTHERWISE = 1;
    private static final long UNHEALTHY_MILLIS = 10_000;

    private final EngineConfig config;
    private final ClusterMap cluster;
    private final ClusterFile.Node self;
    private final @Nullable KubernetesNode kubernetes;
    private final Opened opened;
    private final EngineLoop loop;
    /** Not virtual threads: those that load classes for the first time can keep each other's carriers for ever. */
    private final ExecutorService callers = Executors.newCachedThreadPool(
            Thread.ofPlatform().name("caller-", 1).daemon().factory());

    private final ScheduledThreadPoolExecutor housekeeping;
    private final StorageNode node;
    private final LocalDisks disks;
    private final NbdServer nbd;
    private final Watchdog watchdog;
    private final Shutdown shutdown;
    private final CountDownLatch stopAsked = new CountDownLatch(1);

    /** Brings an engine up; when that fails nothing of it is left. Blocks until it serves. */
    static Engine start(EngineConfig config) throws ConfigException, IOException {
        return start(config, EngineLoop::device);
    }

    /** The same with other devices. */
    static Engine start(EngineConfig config, Devices devices) throws ConfigException, IOException {
        Opened opened = new Opened();
        boolean complete = false;
        try {
            Engine engine = new Engine(config, opened, devices);
            complete = true;
            return engine;
        } finally {
            if (!complete) {
                opened.close();
            }
        }
    }

    private Engine(EngineConfig given, Opened opened, Devices devices) throws ConfigException, IOException {
        this.opened = opened;
        this.kubernetes = given.kubernetes().nodeName().isBlank()
                ? null
                : opened.add("node in Kubernetes", KubernetesNode.join(given));
        this.config = kubernetes == null ? given : kubernetes.config();
        this.cluster = kubernetes == null ? clusterOf(given) : kubernetes.cluster();
        this.self = cluster.self();
        this.shutdown = new Shutdown(Duration.ofMillis(config.shutdownMillis()));
        NodeIdentity identity = new NodeIdentity(
                config.node(),
                cluster.clusterId(),
                ConfigLoader.secret(Path.of(config.secretFile())),
                cluster.numbers());
        opened.add("lock", EngineLock.take(Path.of(config.dataDir())));
        this.loop = opened.add("loop", openLoop());
        EngineLog.event(
                Level.INFO,
                "EngineStarts",
                "node=" + config.node() + " version=" + EngineVersion.current() + " pid="
                        + ProcessHandle.current().pid() + " io=" + loop.mode() + " why=\"" + loop.modeReason() + "\"");
        this.housekeeping = opened.add("housekeeping", openHousekeeping());
        ConfigStore configStore = openConfigStore();
        PeerTransport transport = opened.add("peer transport", openTransport());
        this.node = loop.call(() -> new StorageNode(
                identity,
                settings(config.rebuild()),
                loop.clock(),
                new SecureRandom(),
                transport,
                configStore,
                buffers(),
                new EngineLog()));
        this.disks = LocalDisks.open(config, cluster.clusterId(), loop, devices);
        loop.call(() -> {
            if (configStore instanceof KubernetesConfigStore onRecord) {
                node.whenForgotten(onRecord::testify);
            }
            disks.stores().forEach(node::addStore);
            node.start();
            return disks;
        });
        transport.listen(ConfigLoader.address("peerAddress", self.peerAddress(), false));
        this.nbd = openNbd();
        this.watchdog = new Watchdog(loop.clock());
        watchdog.start(housekeeping);
        StatusSource status = new StatusSource(config, cluster, node, disks, loop.mode(), loop.modeReason());
        openControl(status);
        openMetrics(status);
        if (kubernetes != null) {
            beginInKubernetes(kubernetes, status);
        }
        EngineLog.event(Level.INFO, "EngineServes", "control=" + self.controlSocket() + " nbd=" + self.nbdSocket());
    }

    private static ClusterMap clusterOf(EngineConfig config) throws ConfigException {
        try {
            return ClusterMap.of(ConfigLoader.cluster(Path.of(config.clusterFile())), config.node());
        } catch (IllegalArgumentException e) {
            throw new ConfigException(config.clusterFile() + ": " + e.getMessage());
        }
    }

    private void beginInKubernetes(KubernetesNode pod, StatusSource status) {
        disks.whenAdmitted(node::addStore);
        pod.begin(loop.clock(), disks, status, joined -> loop.clock().execute(() -> node.addNode(joined)));
    }

    private EngineLoop openLoop() throws ConfigException {
        EngineLoop.Setting setting = switch (config.ioMode()) {
            case AUTO -> EngineLoop.Setting.AUTO;
            case IO_URING -> EngineLoop.Setting.IO_URING;
            case POOL -> EngineLoop.Setting.POOL;
        };
        try {
            return EngineLoop.open(setting, FatalStop::fatal);
        } catch (IllegalStateException e) {
            throw new ConfigException(String.valueOf(e.getMessage()));
        }
    }

    private static ScheduledThreadPoolExecutor openHousekeeping() {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().daemon().name("housekeeping").factory());
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }

    private ConfigStore openConfigStore() throws IOException {
        Consumer<String> problems = problem -> EngineLog.event(Level.ERROR, "ConfigStoreProblem", problem);
        return switch (config.configStore()) {
            case DIRECTORY ->
                opened.add(
                        "configuration store",
                        DirectoryConfigStore.open(
                                Path.of(config.configDir()), cluster.clusterId(), loop.clock(), problems));
            case KUBERNETES -> opened.add("configuration store", openKubernetesStore(problems));
        };
    }

    private KubernetesConfigStore openKubernetesStore(Consumer<String> problems) throws IOException {
        KubernetesConfigStore store = KubernetesConfigStore.open(config.kubeconfig(), loop.clock(), problems);
        // Told when the core has begun to watch the store, and so is there.
        store.whenWished((volume, wanted, sizeBytes) -> {
            node.want(volume, wanted);
            node.wantSize(volume, sizeBytes);
        });
        return store;
    }

    private PeerTransport openTransport() {
        Slab received = slab("writes of other engines", config.memory().receiveBytes());
        Slab read = slab("reads from other engines", config.memory().readBytes());
        return loop.call(() -> new PeerTransport(
                loop, Frames.FRAMING, cluster::resolved, received, read, PeerTransport.Settings.DEFAULT));
    }

    private static NodeSettings settings(EngineConfig.Rebuild rebuild) {
        NodeSettings usual = NodeSettings.DEFAULTS;
        return new NodeSettings(
                usual.leases(),
                usual.failures(),
                usual.limits(),
                usual.background().withRebuild(rebuild.floorBytesPerSecond(), rebuild.bytesPerSecond()));
    }

    private NodeBuffers buffers() {
        EngineConfig.Memory memory = config.memory();
        return new NodeBuffers(
                slab("owner", memory.ownerBytes()),
                slab("replica", memory.replicaBytes()),
                slab("background", memory.backgroundBytes()));
    }

    private Slab slab(String name, long bytes) {
        return loop.slab(name, Slab.Sizes.ofBytes(bytes));
    }

    private NbdServer openNbd() throws IOException, ConfigException {
        Slab hosts = slab("hosts", config.memory().hostBytes());
        NbdServer server = new NbdServer(
                loop, node, hosts, NbdSettings.forPool(config.memory().hostBytes()));
        await(server.listenUnix(Path.of(self.nbdSocket())));
        if (!self.nbdAddress().isEmpty()) {
            await(server.listenTcp(ConfigLoader.address("nbdAddress", self.nbdAddress(), !config.allowNonLoopback())));
        }
        return server;
    }

    private static <T> void await(CompletableFuture<T> future) throws IOException {
        try {
            T _ = future.get();
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private void openControl(StatusSource status) throws IOException, ConfigException {
        StatusWatches watches = new StatusWatches(loop.clock(), status, housekeeping);
        ControlService service = new ControlService(loop.clock(), node, status, watches, callers, this::stop);
        opened.add(
                "control service",
                ControlServer.open(
                        service,
                        Path.of(self.controlSocket()),
                        self.controlAddress().isEmpty()
                                ? null
                                : ConfigLoader.address(
                                        "controlAddress", self.controlAddress(), !config.allowNonLoopback()),
                        callers));
    }

    private void openMetrics(StatusSource status) throws IOException, ConfigException {
        EngineMetrics metrics =
                opened.add("metrics", new EngineMetrics(loop.clock(), status, disks, nbd.metrics(), watchdog));
        if (self.metricsAddress().isEmpty()) {
            return;
        }
        boolean anywhere = config.allowNonLoopback() || kubernetes != null;
        opened.add(
                "metrics server",
                MetricsServer.open(
                        ConfigLoader.address("metricsAddress", self.metricsAddress(), !anywhere),
                        metrics::page,
                        this::health,
                        this::readiness));
    }

    private MetricsServer.Answer health() {
        long millis = watchdog.sinceTurnMillis();
        return millis < UNHEALTHY_MILLIS
                ? new MetricsServer.Answer(true, "ok\n")
                : new MetricsServer.Answer(false, "the event loop has not turned for " + millis + " ms\n");
    }

    private MetricsServer.Answer readiness() {
        if (stopAsked.getCount() == 0) {
            return new MetricsServer.Answer(false, "the engine stops\n");
        }
        Boolean ready = LoopCalls.ask(loop.clock(), node::ready);
        if (ready == null) {
            return new MetricsServer.Answer(false, "the event loop does not answer\n");
        }
        return ready
                ? new MetricsServer.Answer(true, "ok\n")
                : new MetricsServer.Answer(false, "no disk is served yet, or the volumes are not known yet\n");
    }

    /** Begins the end, from any thread; the second call hurries it. */
    void stop() {
        if (stopAsked.getCount() == 0) {
            EngineLog.event(Level.WARN, "EngineStops", "in a hurry: what is not handed over is taken over");
            shutdown.hurry();
        }
        stopAsked.countDown();
    }

    /** Waits until somebody asks for the end, and brings it about; answers the process' exit code. */
    int awaitEnd() {
        try {
            stopAsked.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        shutdown.begin();
        EngineLog.event(Level.INFO, "EngineStops", "hands over, checkpoints and ends");
        HandedOver handedOver = handOver();
        boolean drained = shutdown.step("NBD", loop.clock(), false, done -> nbd.shutdown(() -> done.accept(true)));
        boolean closed = disks.close(shutdown, handedOver.grantsOutstanding());
        opened.close();
        callers.shutdownNow();
        boolean inOrder = drained && closed && shutdown.complete();
        EngineLog.event(Level.INFO, "EngineEnded", "inOrder=" + inOrder);
        return inOrder ? ENDED_IN_ORDER : ENDED_OTHERWISE;
    }

    private record HandedOver(boolean grantsOutstanding, List<String> problems) {}

    private HandedOver handOver() {
        // What did not end may have left grants behind: the disks are then silent at their next start.
        HandedOver unfinished = new HandedOver(true, List.of("the hand-over did not end in time"));
        HandedOver outcome = shutdown.step(
                "hand over",
                loop.clock(),
                unfinished,
                done -> node.shutdown(
                        (grants, problems) -> done.accept(new HandedOver(grants, List.copyOf(problems)))));
        outcome.problems().forEach(problem -> EngineLog.event(Level.WARN, "NotHandedOver", problem));
        return outcome;
    }
}
