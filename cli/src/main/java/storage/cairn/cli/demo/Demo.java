package storage.cairn.cli.demo;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.ControlGrpc.ControlBlockingStub;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.GetStatusRequest;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.Durations;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ClusterPlan;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.cli.cluster.ExportUris;
import storage.cairn.cli.cluster.LocalCluster;
import storage.cairn.client.load.Percentiles;

/** The demonstration from beginning to end: what is started, in which order, and what its outcome is. */
public final class Demo {
    private static final String VOLUME = "demo";
    private static final Duration READY = Duration.ofMinutes(2);
    private static final int REQUEST_SECONDS = 120;
    private static final int MOVES = 5;

    private final DemoOptions options;
    private final EngineCommand engine;
    private final Screen screen;
    private final String self;
    private final Findings findings = new Findings();
    private final DemoFolder folder = new DemoFolder();
    private @Nullable DemoCluster running;
    private volatile boolean interrupted;

    /**
     * @param self how the cairn command was called, for hints
     */
    public Demo(DemoOptions options, EngineCommand engine, Screen screen, String self) {
        this.options = options;
        this.engine = engine;
        this.screen = screen;
        this.self = self;
    }

    /** Runs it. Nothing is left behind, whichever way this or the process ends, unless it is to be kept. */
    public ExitCode run() {
        Thread whenInterrupted = Thread.ofPlatform().unstarted(this::interrupt);
        Runtime.getRuntime().addShutdownHook(whenInterrupted);
        try {
            return runUntilInterrupted(System.nanoTime());
        } finally {
            if (!interrupted) {
                Runtime.getRuntime().removeShutdownHook(whenInterrupted);
            }
        }
    }

    private ExitCode runUntilInterrupted(long start) {
        screen.heading("Cairn: a replicated volume on this machine");
        try (folder) {
            Path own = new Preflight(screen, options).check(folder);
            try (DemoCluster made = cluster(own)) {
                return runIn(made, start);
            }
        } catch (Failure e) {
            if (interrupted) {
                return ExitCode.FAILED;
            }
            throw e;
        }
    }

    /** What is kept must outlive this process; everything else must not, even if that is killed. */
    private DemoCluster cluster(Path own) {
        ClusterPlan plan = new ClusterPlan(options.nodes(), options.diskBytes(), options.ioMode());
        synchronized (folder) {
            folder.mustBeOpen();
            DemoCluster made = new DemoCluster(
                    options.keep()
                            ? LocalCluster.create(own, plan, engine)
                            : LocalCluster.createTied(own, plan, engine),
                    folder);
            running = made;
            return made;
        }
    }

    /** From now on failures are the consequence of the end of this process. */
    private void interrupt() {
        interrupted = true;
        screen.line("Interrupted: ending the engines and deleting their files");
        screen.mute();
        DemoCluster present;
        synchronized (folder) {
            present = running;
            if (present == null) {
                folder.close();
                return;
            }
        }
        present.close();
    }

    private ExitCode runIn(DemoCluster cluster, long startNanos) {
        boolean held = false;
        try {
            held = steps(cluster);
        } catch (Failure e) {
            findings.add(false, e.getMessage());
        }
        if (interrupted) {
            return ExitCode.FAILED;
        }
        findings.show(screen);
        screen.line("Took " + Durations.format((System.nanoTime() - startNanos) / 1_000_000)
                + ". Killed processes are not a power cut: the drive kept its power.");
        if (!held || !findings.allHeld()) {
            Path log = cluster.keepLogs(screen.transcript());
            screen.wrong("The demo failed. What it showed and what the engines logged: " + log);
        }
        end(cluster);
        return held && findings.allHeld() ? ExitCode.OK : ExitCode.FAILED;
    }

    private boolean steps(DemoCluster cluster) {
        startEngines(cluster);
        ServeVolumeResponse export = makeVolume(cluster);
        List<String> uris = ExportUris.unix(cluster.local(), export);
        Watch watch = new Watch(cluster.local(), VOLUME, screen);
        try (Load load = Load.start(uris, VOLUME, screen)) {
            Faults faults = new Faults(cluster, load, watch, screen, findings);
            steadyLoad(load, faults, watch);
            if (options.faults()) {
                faults.killReplica();
                faults.killOwner();
                faults.killAll();
            }
            verify(cluster, load, watch);
        }
        return true;
    }

    private void startEngines(DemoCluster cluster) {
        int count = options.nodes();
        screen.heading(
                "Starting " + count + (count == 1 ? " engine" : " engines") + ", each a process with its own disk");
        long start = System.nanoTime();
        cluster.nodes().forEach(cluster::start);
        cluster.local().awaitReady(cluster.nodes(), READY, (ready, of) -> screen.live(ready + " of " + of + " run"));
        for (int node : cluster.nodes()) {
            show(cluster, node);
        }
        screen.ok("All run after " + Durations.format((System.nanoTime() - start) / 1_000_000) + ", in "
                + cluster.local().dir());
    }

    private void show(DemoCluster cluster, int node) {
        NodeStatus status = on(cluster, node, stub -> stub.getStatus(GetStatusRequest.getDefaultInstance()));
        StringBuilder text = new StringBuilder(
                "node " + node + ": process " + cluster.local().pid(node) + ", I/O by " + status.getIoMode());
        if (status.getIoMode().equals("pool")) {
            text.append(" (").append(status.getIoModeReason()).append(')');
        }
        for (Disk disk : status.getDisksList()) {
            if (disk.getNode() == node) {
                mustBeReady(disk);
                text.append(", a disk of ")
                        .append(Sizes.format(disk.getCapacityBytes()))
                        .append(
                                disk.getDirect()
                                        ? " with O_DIRECT, "
                                        : " WITHOUT O_DIRECT (figures here say nothing), ")
                        .append(disk.getDurability());
            }
        }
        screen.line(text.toString());
    }

    private static void mustBeReady(Disk disk) {
        if (!disk.getState().equals("Ready")) {
            throw new Failure(
                    ExitCode.FAILED,
                    "The disk " + disk.getPath() + " of node " + disk.getNode() + " is not served: "
                            + disk.getReason());
        }
    }

    private ServeVolumeResponse makeVolume(DemoCluster cluster) {
        int replicas = Math.min(3, options.nodes());
        screen.heading("A volume of " + Sizes.format(options.sizeBytes()) + " with " + replicas
                + (replicas == 1 ? " replica" : " replicas"));
        CreateVolumeRequest create = CreateVolumeRequest.newBuilder()
                .setName(VOLUME)
                .setSizeBytes(options.sizeBytes())
                .setReplicas(replicas)
                .build();
        Volume volume;
        try (ControlClient client = ControlClient.connect(cluster.local().node(1))) {
            volume = client.createVolume(REQUEST_SECONDS, create, screen::line);
        }
        int owner = volume.getReplicasList().stream()
                .map(Replica::getNode)
                .filter(node -> node != 0)
                .findFirst()
                .orElse(1);
        ServeVolumeRequest serve =
                ServeVolumeRequest.newBuilder().setName(VOLUME).build();
        ServeVolumeResponse export = on(cluster, owner, stub -> stub.serveVolume(serve));
        screen.line("owner: node " + export.getOwnerNode() + "; replicas: " + Faults.replicas(volume));
        screen.line("NBD: " + ExportUris.unix(cluster.local(), export).getFirst());
        screen.line("     " + ExportUris.tcp(cluster.local(), export).getFirst());
        return export;
    }

    private void steadyLoad(Load load, Faults faults, Watch watch) {
        screen.heading("Writing and reading it, every 4 KiB verified, for " + options.seconds() + " s");
        load.mark();
        faults.runFor(Duration.ofSeconds(options.seconds()), "all replicas in sync");
        Load.Figures figures = load.figures();
        double writes = figures.writes() / figures.seconds();
        double reads = figures.reads() / figures.seconds();
        screen.line(
                String.format(Locale.ROOT, "writes %,9.0f /s   %s", writes, Percentiles.text(figures.writeMicros())));
        screen.line(String.format(Locale.ROOT, "reads  %,9.0f /s   %s", reads, Percentiles.text(figures.readMicros())));
        screen.line("replicas: " + Faults.replicas(watch.mustBeThere()));
        findings.add(
                writes > 0 && reads > 0,
                String.format(
                        Locale.ROOT,
                        "%,.0f writes/s and %,.0f reads/s of 4 KiB, each write durable on every replica before its ack",
                        writes,
                        reads));
    }

    /** Reads everything back from each replica in turn: the owner reads its own. */
    private void verify(DemoCluster cluster, Load load, Watch watch) {
        screen.heading("Reading back everything that was acked, from each replica");
        load.finish();
        List<Integer> nodes = watch.mustBeThere().getReplicasList().stream()
                .map(Replica::getNode)
                .sorted()
                .toList();
        for (int node : nodes) {
            bringTo(cluster, watch, node);
            load.verify((done, of) -> screen.live("node " + node + ": " + 100 * done / Math.max(1, of) + " %"));
            screen.line("node " + node + ": every block is right");
        }
        findings.add(
                load.ackedWrites() > 0,
                String.format(
                        Locale.ROOT,
                        "%,d acked writes to %,d blocks: all read back from %s",
                        load.ackedWrites(),
                        load.writtenBlocks(),
                        nodes.size() == 1 ? "the replica" : "each of the " + nodes.size() + " replicas"));
    }

    /** A node that is held up for a moment does not take a volume, which is served elsewhere then: it is asked again. */
    private void bringTo(DemoCluster cluster, Watch watch, int node) {
        MoveVolumeRequest move =
                MoveVolumeRequest.newBuilder().setName(VOLUME).setNode(node).build();
        for (int attempt = 1; ; attempt++) {
            int owner = watch.await("an owner", READY, volume -> volume.getOwnerNode() != 0, volume -> "")
                    .getOwnerNode();
            if (owner == node) {
                return;
            }
            try {
                on(cluster, owner, stub -> stub.moveVolume(move));
                return;
            } catch (Failure e) {
                if (e.code() != ExitCode.UNREACHABLE || attempt == MOVES) {
                    throw e;
                }
                screen.line(e.getMessage());
            }
        }
    }

    private void end(DemoCluster cluster) {
        if (options.keep()) {
            cluster.keep();
            String with = self + " --data-dir " + cluster.local().dir();
            screen.line("The cluster is kept. Look at it:  " + with + " status");
            screen.line("Serve its volume:                 " + with + " volume serve " + VOLUME);
            screen.line("End it:                           " + with + " down && rm -r "
                    + cluster.local().dir());
            return;
        }
        cluster.close();
        screen.line("Every process is ended and every file is deleted.");
        screen.line("Next: a cluster that stays:  " + self + " up && " + self + " volume create data --size 1GiB && "
                + self + " volume serve data");
    }

    private static <T> T on(DemoCluster cluster, int node, Function<ControlBlockingStub, T> request) {
        ClusterFile.Node place = cluster.local().node(node);
        try (ControlClient client = ControlClient.connect(place)) {
            return client.call(REQUEST_SECONDS, request);
        }
    }
}
