package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.kube.DiskReport;
import storage.cairn.engine.kube.NodeReport;
import storage.cairn.engine.kube.NodeResources;
import storage.cairn.engine.kube.NodeResources.Joining;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Log.Level;
import storage.cairn.engine.replication.NodeView;

/**
 * What an engine does as a pod of a cluster: it learns its number and its neighbours, takes the disks that are put into
 * pools, and reports what it sees: at once when something changed, figures at most once a minute.
 */
final class KubernetesNode implements AutoCloseable {
    private static final long JOIN_PAUSE_MILLIS = 1_000;
    private static final long LEASE_SECONDS = 10;
    private static final long REPORT_MILLIS = 2_000;
    private static final long LOOK_SECONDS = 10;
    private static final int MAX_QUEUED = 8;
    private static final String OOM_SCORE = "-997";
    private static final long FIGURES_NANOS = TimeUnit.SECONDS.toNanos(60);

    static final String UNKNOWN = "unknown";

    private final EngineConfig config;
    private final NodeResources resources;
    private final ClusterMap cluster;
    private final String bootId;
    private final MemoryKeeper memory;
    private final int peerPort;
    private final ScheduledThreadPoolExecutor thread = new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("kubernetes-node").factory());
    private final Map<String, Told<DiskReport>> toldDisks = new HashMap<>();
    private final TrafficMeter traffic = new TrafficMeter();
    private @Nullable Told<NodeReport> toldNode;
    private @Nullable DiskAdmission admission;
    private @Nullable StatusSource status;
    private @Nullable Clock loop;
    private NodeResources.Missed missed = NodeResources.Missed.NOBODY;
    private String leaseProblem = "";
    private String reportProblem = "";

    private record Told<T>(T report, long nanos) {}

    private KubernetesNode(
            EngineConfig config,
            NodeResources resources,
            String bootId,
            Joining.Seat seat,
            @Nullable NodeMemory remembered)
            throws ConfigException {
        this.config = config.numbered(seat.node());
        this.resources = resources;
        this.bootId = bootId;
        EngineConfig.Kubernetes own = config.kubernetes();
        int port = own.peerPort() == 0 ? seat.peerPort() : own.peerPort();
        this.peerPort = seat.peerPort();
        Path folder = Path.of(config.dataDir());
        this.memory = new MemoryKeeper(resources, folder, bootId, remembered);
        String metrics = own.metricsPort() == 0 ? "" : "0.0.0.0:" + own.metricsPort();
        this.cluster = new ClusterMap(
                seat.clusterId(),
                new ClusterFile.Node(
                        seat.node(),
                        own.host() + ":" + port,
                        folder.resolve("control.sock").toString(),
                        "",
                        folder.resolve("nbd.sock").toString(),
                        "",
                        metrics));
        if (remembered != null) {
            for (Map.Entry<Integer, String> each : remembered.addresses().entrySet()) {
                cluster.put(each.getKey(), each.getValue());
            }
        }
        cluster.put(seat.node(), own.host() + ":" + port);
    }

    /**
     * Waits for this node's StorageNode and the StorageCluster, for as long as it takes; while the API server does not
     * answer, what is remembered of them will do.
     */
    static KubernetesNode join(EngineConfig config) throws IOException, ConfigException {
        String name = config.kubernetes().nodeName();
        NodeResources resources = NodeResources.open(
                config.kubeconfig(), name, problem -> EngineLog.event(Level.WARN, "KubernetesProblem", problem));
        String bootId = read(Path.of("/proc/sys/kernel/random/boot_id"));
        NodeMemory remembered = NodeMemory.read(Path.of(config.dataDir()), name, bootId);
        String told = "";
        try {
            while (true) {
                String reason;
                switch (resources.join()) {
                    case Joining.Seat seat -> {
                        EngineLog.event(Level.INFO, "Joined", described(name, seat));
                        return new KubernetesNode(config, resources, bootId, seat, null);
                    }
                    case Joining.Unreachable unreachable -> {
                        if (remembered != null) {
                            EngineLog.event(
                                    Level.WARN,
                                    "JoinedFromMemory",
                                    described(name, remembered.seat()) + ": " + unreachable.reason());
                            return new KubernetesNode(config, resources, bootId, remembered.seat(), remembered);
                        }
                        reason = unreachable.reason();
                    }
                    case Joining.NotYet notYet -> reason = notYet.reason();
                }
                if (!reason.equals(told)) {
                    told = reason;
                    EngineLog.event(Level.WARN, "WaitsToJoin", told);
                }
                TimeUnit.MILLISECONDS.sleep(JOIN_PAUSE_MILLIS);
            }
        } catch (InterruptedException e) {
            resources.close();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while it waited to join", e);
        }
    }

    private static String described(String name, Joining.Seat seat) {
        return "nodeName=" + name + " node=" + seat.node() + " cluster=" + seat.clusterId();
    }

    EngineConfig config() {
        return config;
    }

    ClusterMap cluster() {
        return cluster;
    }

    /**
     * Begins to look after disks and to report.
     *
     * @param nodeJoined told of each other node, also again
     */
    void begin(Clock clock, LocalDisks disks, StatusSource source, IntConsumer nodeJoined) {
        String name = config.kubernetes().nodeName();
        DiskDiscovery discovery = new DiskDiscovery(cluster.clusterId(), name, Path.of("/sys/class/block"));
        DiskAdmission admits = new DiskAdmission(
                (selection, inUse) -> discovery.look(selection, inUse).stream()
                        // Nothing is formatted by what is only remembered.
                        .filter(found -> memory.confirmed() || found.ours())
                        .toList(),
                disks,
                memory::claim,
                bootId,
                source.ioMode());
        memory.disks().forEach(disk -> admits.disk(disk.id(), disk.pool(), disk.evacuate(), true));
        admission = admits;
        loop = clock;
        status = source;
        resources.follow(new NodeResources.Neighbours() {
            @Override
            public void node(int number, String address) {
                if (number != config.node() && cluster.learn(number, address)) {
                    nodeJoined.accept(number);
                }
            }

            @Override
            public void disk(String id, String pool, boolean evacuate, String node) {
                try {
                    admits.disk(UUID.fromString(id), pool, evacuate, node.equals(name));
                    soon(KubernetesNode.this::look);
                } catch (IllegalArgumentException e) {
                    EngineLog.event(Level.WARN, "DiskResourceLeftAlone", "'" + id + "' is no UUID");
                }
            }

            @Override
            public void diskGone(String id) {
                try {
                    admits.gone(UUID.fromString(id));
                } catch (IllegalArgumentException e) {
                    EngineLog.event(Level.DEBUG, "DiskResourceGone", id);
                }
            }
        });
        thread.setRemoveOnCancelPolicy(true);
        spareWhenMemoryIsShort();
        every(LEASE_SECONDS * 1_000, "the node's lease", this::renewLease);
        every(REPORT_MILLIS, "reports of this node", this::report);
        every(LOOK_SECONDS * 1_000, "discovery of disks", this::look);
    }

    /**
     * As kubelet does for pods whose CPU is limited too, which would hold up I/O. All that use volumes here wait for this
     * process, and memory may be short because pages wait to be written to them.
     */
    private static void spareWhenMemoryIsShort() {
        try {
            Files.writeString(Path.of("/proc/self/oom_score_adj"), OOM_SCORE);
        } catch (IOException e) {
            EngineLog.event(
                    Level.WARN, "NotSpared", "the kernel may end this process when memory is short: " + e.getMessage());
        }
    }

    private void every(long millis, String what, Runnable task) {
        var _ = thread.scheduleWithFixedDelay(FatalStop.guarded(what, task), 0, millis, TimeUnit.MILLISECONDS);
    }

    private void soon(Runnable task) {
        if (!thread.isShutdown() && thread.getQueue().size() < MAX_QUEUED) {
            thread.execute(FatalStop.guarded("discovery of disks", task));
        }
    }

    private void renewLease() {
        leaseProblem = changed("LeaseNotRenewed", leaseProblem, resources.renewLease(missed));
    }

    /** Others want to know at once whom this engine cannot reach: that is evidence that a node died. */
    private void look(NodeView view) {
        NodeResources.Missed now = new NodeResources.Missed(missed(view, false), missed(view, true));
        if (!now.equals(missed)) {
            missed = now;
            renewLease();
        }
    }

    private static String missed(NodeView view, boolean refused) {
        return view.peers().stream()
                .filter(peer -> !peer.connected() && peer.refused() == refused)
                .map(peer -> Integer.toString(peer.node()))
                .collect(Collectors.joining(","));
    }

    private static String changed(String event, String before, String now) {
        if (!now.equals(before)) {
            EngineLog.event(now.isEmpty() ? Level.INFO : Level.WARN, event, now.isEmpty() ? "over" : now);
        }
        return now;
    }

    private void look() {
        memory.confirm();
        NodeResources.Selection selection = memory.selection();
        DiskAdmission admits = admission;
        if (selection != null && admits != null) {
            admits.look(selection);
        }
    }

    private void report() {
        StatusSource source = status;
        DiskAdmission admits = admission;
        Clock clock = loop;
        if (source == null || admits == null || clock == null || !memory.confirmed()) {
            return;
        }
        memory.keep(config.kubernetes().nodeName(), cluster, peerPort, admits);
        StatusSource.Taken taken = LoopCalls.ask(clock, source::take);
        if (taken == null) {
            return;
        }
        look(taken.view());
        String problem = "";
        long now = System.nanoTime();
        for (DiskReport disk : admits.reports(taken)) {
            Told<DiskReport> told = toldDisks.get(disk.id());
            if (told == null || !disk.sameButFigures(told.report()) || isDue(told, disk, now)) {
                String answer = resources.report(disk);
                if (answer.isEmpty()) {
                    toldDisks.put(disk.id(), new Told<>(disk, now));
                } else {
                    problem = answer;
                }
            }
        }
        NodeReport node = node(taken, source);
        Told<NodeReport> told = toldNode;
        if (told == null || !node.sameButFigures(told.report()) || isDue(told, node, now)) {
            String answer = resources.report(node);
            if (answer.isEmpty()) {
                toldNode = new Told<>(node, now);
            } else {
                problem = answer;
            }
        }
        reportProblem = changed("NotReported", reportProblem, problem);
    }

    private static <T> boolean isDue(Told<T> told, T report, long now) {
        return !report.equals(told.report()) && now - told.nanos() >= FIGURES_NANOS;
    }

    private NodeReport node(StatusSource.Taken taken, StatusSource source) {
        long raw = 0;
        long used = 0;
        int served = 0;
        for (LocalDisk.Info info : taken.own()) {
            if (info.failure().isEmpty()) {
                served++;
                raw += info.capacityBytes();
                used += info.capacityBytes() - info.freeBytes();
            }
        }
        int replicas = taken.view().disks().stream()
                .filter(disk -> disk.node() == config.node())
                .mapToInt(disk -> disk.replicas())
                .sum();
        int owned = (int) taken.view().volumes().stream()
                .filter(volume -> volume.activity() != null)
                .count();
        boolean nbd = Files.exists(Path.of("/sys/module/nbd"));
        return new NodeReport(
                EngineVersion.current(),
                bootId,
                cluster.address(config.node()),
                source.ioMode(),
                source.ioModeReason(),
                nbd ? "nbd" : "nbdfuse",
                nbd ? "the kernel has nbd" : "the kernel has no nbd: load the module (modprobe nbd) for less overhead",
                served,
                replicas,
                owned,
                new DiskReport.Space(raw, raw, used),
                traffic.take(taken.view().volumes(), System.nanoTime()),
                admission == null ? "" : admission.remark());
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.US_ASCII).strip();
        } catch (IOException e) {
            return UNKNOWN;
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
        resources.close();
    }
}
