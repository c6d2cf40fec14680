package storage.cairn.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.cluster.ClusterPlan;
import storage.cairn.cli.demo.Demo;
import storage.cairn.cli.demo.DemoOptions;
import storage.cairn.cli.demo.Screen;

/** {@code cairn demo}. */
@Command(
        name = "demo",
        description = {
            "Shows what Cairn does, on this machine, in about a minute: engines as processes, a replicated volume served"
                    + " over NBD, a load that verifies every block, processes killed under it, and nothing lost.",
            "Exit code 0 only if all of it held. Needs no root and leaves nothing behind, also after Ctrl-C; after a"
                    + " failure only the log that it names."
        },
        sortOptions = false,
        footer = {
            "",
            "--data-dir names a folder in which the demo makes its own. Default: /var/tmp, else ~/.cache",
            "",
            "Examples:",
            "  cairn demo",
            "  cairn demo --nodes 5 --size 4GiB --disk-size 8GiB --seconds 30",
            "  cairn demo --keep      # then look at the cluster with the commands that it prints",
        })
final class DemoCommand implements Callable<Integer> {
    private static final int MAX_SECONDS = 86_400;
    private static final long SMALLEST_VOLUME_BYTES = 16L << 20;

    private final Cairn cairn;

    @Option(names = "--nodes", paramLabel = "N", description = "Engines to start, 1 to 16. Default: 3")
    private int nodes = 3;

    @Option(names = "--size", paramLabel = "SIZE", description = "Size of the volume. Default: 256MiB")
    private Size size = new Size(256L << 20);

    @Option(
            names = "--disk-size",
            paramLabel = "SIZE",
            description = "Size of each engine's disk, a file. Default: twice the volume, at least 1GiB")
    private @Nullable Size diskSize;

    @Option(names = "--seconds", paramLabel = "N", description = "How long the load runs before the faults. Default: 4")
    private int seconds = 4;

    @Option(names = "--no-faults", description = "Kill nothing.")
    private boolean noFaults;

    @Option(names = "--keep", description = "Keep the cluster at the end, and say how to reach it.")
    private boolean keep;

    @Option(
            names = "--plain",
            description = "No terminal control, for logs. Chosen by itself when the output is not a terminal.")
    private boolean plain;

    @Option(
            names = "--io",
            paramLabel = "MODE",
            description = "auto, io_uring or pool. Default: auto, the best that works here")
    private String ioMode = "auto";

    DemoCommand(Cairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        long diskBytes = diskSize == null ? Math.max(1L << 30, 2 * size.bytes()) : diskSize.bytes();
        check(nodes >= 1 && nodes <= ClusterPlan.MAX_NODES, "--nodes " + nodes + ": 1 to " + ClusterPlan.MAX_NODES);
        check(seconds >= 1 && seconds <= MAX_SECONDS, "--seconds " + seconds + ": 1 to " + MAX_SECONDS);
        check(
                size.bytes() >= SMALLEST_VOLUME_BYTES && size.bytes() % 4096 == 0,
                "--size " + Sizes.format(size.bytes()) + ": at least " + Sizes.format(SMALLEST_VOLUME_BYTES)
                        + " and a multiple of 4KiB");
        check(
                diskBytes >= size.bytes() + size.bytes() / 4,
                "--disk-size " + Sizes.format(diskBytes) + ": at least a quarter more than the volume");
        check(
                UpCommand.IO_MODES.contains(ioMode),
                "--io " + ioMode + ": one of " + String.join(", ", UpCommand.IO_MODES));
        int columns = plain ? 0 : Integer.getInteger("cairn.columns", 0);
        DemoOptions options =
                new DemoOptions(nodes, size.bytes(), diskBytes, seconds, !noFaults, keep, cairn.givenDataDir(), ioMode);
        Screen screen = new Screen(cairn.out(), columns);
        return new Demo(options, cairn.engine(), screen, cairn.command()).run().number();
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new Failure(ExitCode.USAGE, otherwise);
        }
    }
}
