package storage.cairn.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ClusterPlan;
import storage.cairn.cli.cluster.LocalCluster;

/** {@code cairn up}: makes the local cluster if there is none, and starts the engines that do not run. */
@Command(
        name = "up",
        description = {
            "Starts the local cluster, and makes it first if there is none.",
            "Engines that run are left alone; data of an earlier 'cairn up' is still there.",
            "Exit code 1 when a disk is there and cannot be used."
        },
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  cairn up",
            "  cairn up --nodes 5 --disk-size 20GiB --data-dir /srv/cairn",
        })
final class UpCommand implements Callable<Integer> {
    static final List<String> IO_MODES = List.of("auto", "io_uring", "pool");
    private static final int DEFAULT_NODES = 3;
    private static final long DEFAULT_DISK_BYTES = 4L << 30;
    private static final long SMALLEST_DISK_BYTES = 64L << 20;
    private static final Duration READY = Duration.ofMinutes(3);

    private final Cairn cairn;

    @Option(
            names = "--nodes",
            paramLabel = "N",
            description = "Number of nodes, 1 to 16, when the cluster is made. Default: 3")
    private @Nullable Integer nodes;

    @Option(
            names = "--disk-size",
            paramLabel = "SIZE",
            description = "Size of each node's disk, a file, when the cluster is made. Default: 4GiB")
    private @Nullable Size diskSize;

    @Option(
            names = "--io",
            paramLabel = "MODE",
            description = "auto, io_uring or pool, when the cluster is made. Default: auto, the best that works here")
    private @Nullable String ioMode;

    UpCommand(Cairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        if (!LocalCluster.exists(cairn.dataDir())) {
            make();
        }
        LocalCluster cluster = existing();
        try (var _ = cluster.lock()) {
            List<Integer> started = new ArrayList<>();
            for (ClusterFile.Node node : cluster.nodes()) {
                if (cluster.start(node.node())) {
                    started.add(node.node());
                }
            }
            if (!started.isEmpty()) {
                cairn.err().println("Starting nodes " + join(started) + " ...");
            }
            cluster.awaitReady(
                    cluster.nodes().stream().map(ClusterFile.Node::node).toList(),
                    READY,
                    (ready, of) -> cairn.err().println("  " + ready + " of " + of + " nodes are ready"));
        }
        int told = new StatusCommand(cairn).call();
        return told == ExitCode.OK.number() && LostDisks.tellFailed(cairn, cluster, 0)
                ? ExitCode.FAILED.number()
                : told;
    }

    private LocalCluster existing() {
        LocalCluster cluster = cairn.cluster();
        ClusterPlan there = cluster.plan();
        requireSame(cluster, "--nodes", nodes, there.nodes(), there.nodes() + " nodes");
        requireSame(
                cluster,
                "--disk-size",
                diskSize == null ? null : diskSize.bytes(),
                there.diskBytes(),
                "disks of " + Sizes.format(there.diskBytes()));
        requireSame(cluster, "--io", ioMode, there.ioMode(), "I/O by " + there.ioMode());
        return cluster;
    }

    private static void requireSame(
            LocalCluster cluster, String option, @Nullable Object wanted, Object there, String has) {
        if (wanted != null && !wanted.equals(there)) {
            throw new Failure(
                    ExitCode.REFUSED,
                    "The cluster in " + cluster.dir() + " has " + has + ", which stays so: leave " + option
                            + " out, or make another one with --data-dir");
        }
    }

    private void make() {
        int count = nodes == null ? DEFAULT_NODES : nodes;
        long diskBytes = diskSize == null ? DEFAULT_DISK_BYTES : diskSize.bytes();
        if (count < 1 || count > ClusterPlan.MAX_NODES) {
            throw new Failure(
                    ExitCode.USAGE, "--nodes " + count + ": a local cluster has 1 to " + ClusterPlan.MAX_NODES);
        }
        String mode = ioMode == null ? IO_MODES.getFirst() : ioMode;
        if (!IO_MODES.contains(mode)) {
            throw new Failure(ExitCode.USAGE, "--io " + mode + ": one of " + String.join(", ", IO_MODES));
        }
        if (diskBytes < SMALLEST_DISK_BYTES) {
            throw new Failure(
                    ExitCode.USAGE,
                    "--disk-size " + Sizes.format(diskBytes) + ": a disk has at least "
                            + Sizes.format(SMALLEST_DISK_BYTES));
        }
        Path dir = cairn.dataDir().toAbsolutePath().normalize();
        checkSpace(dir, Math.multiplyExact(count, diskBytes));
        LocalCluster.create(dir, new ClusterPlan(count, diskBytes, mode), cairn.engine());
    }

    private static void checkSpace(Path dir, long neededBytes) {
        Path there = dir;
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        try {
            FileStore store = Files.getFileStore(there);
            if (store.getUsableSpace() < neededBytes) {
                throw new Failure(
                        ExitCode.FAILED,
                        "The disks need " + Sizes.format(neededBytes) + ", but " + dir + " has "
                                + Sizes.format(store.getUsableSpace())
                                + " left: name a smaller --disk-size or another --data-dir");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the free space of " + there + " cannot be asked for", e);
        }
    }

    private static String join(List<Integer> numbers) {
        return String.join(", ", numbers.stream().map(String::valueOf).toList());
    }
}
