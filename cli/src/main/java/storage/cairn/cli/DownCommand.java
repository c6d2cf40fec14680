package storage.cairn.cli;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.LocalCluster;
import storage.cairn.client.attach.Attachment;
import storage.cairn.client.attach.Attachments;

/** {@code cairn down}: ends the engines of the local cluster; its data stays. */
@Command(
        name = "down",
        description = {
            "Stops every engine of the local cluster. Data stays, and 'cairn up' brings it back.",
            "Refused while a volume is attached, except with --kill: its device then waits for 'cairn up'."
        },
        sortOptions = false,
        footer = {"", "Examples:", "  cairn down", "  cairn down --kill    # as a power cut would"})
final class DownCommand implements Callable<Integer> {
    private static final Duration IN_ORDER = Duration.ofMinutes(3);
    private static final Duration AT_ONCE = Duration.ofMinutes(1);

    private final Cairn cairn;

    @Option(names = "--kill", description = "End the processes at once, by SIGKILL. Nothing acked is lost.")
    private boolean kill;

    DownCommand(Cairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        LocalCluster cluster = cairn.cluster();
        try (var _ = cluster.lock()) {
            List<Integer> running = cluster.running();
            List<Attachment> attached = new Attachments(cluster.dir()).all();
            if (!kill && !attached.isEmpty()) {
                Attachment one = attached.getFirst();
                throw new Failure(
                        ExitCode.REFUSED,
                        "Volume " + one.volume() + " is attached as " + one.device() + ": 'cairn volume detach "
                                + one.volume() + "' before, or 'cairn down --kill', and what uses it waits");
            }
            if (running.isEmpty()) {
                cairn.err().println("No engine of " + cluster.dir() + " runs.");
            }
            for (int node : running) {
                cairn.err().println((kill ? "Killing" : "Stopping") + " node " + node + " ...");
                if (kill) {
                    cluster.kill(node);
                } else {
                    cluster.stop(node);
                }
            }
            cluster.awaitEnd(cluster.nodes().stream().map(node -> node.node()).toList(), kill ? AT_ONCE : IN_ORDER);
            if (!running.isEmpty()) {
                cairn.err().println("Down. The data is in " + cluster.dir() + "; 'cairn up' starts it again.");
            }
            cairn.print(Map.of("dataDir", cluster.dir().toString(), "state", "Down"), () -> {});
        }
        return 0;
    }
}
