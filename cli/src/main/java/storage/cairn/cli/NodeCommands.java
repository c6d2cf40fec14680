package storage.cairn.cli;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterStatus;
import storage.cairn.cli.cluster.LocalCluster;

/** {@code cairn node ...}: starts and ends single engines, for trials. */
@Command(
        name = "node",
        description = "Lists nodes, and kills, stops and starts single ones, for trials.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Examples:", "  cairn node kill 2", "  cairn status", "  cairn node start 2"})
final class NodeCommands {
    private static final Duration START = Duration.ofMinutes(3);
    private static final Duration STOP = Duration.ofMinutes(3);
    private static final Duration KILL = Duration.ofMinutes(1);

    private final Cairn cairn;

    NodeCommands(Cairn cairn) {
        this.cairn = cairn;
    }

    @Command(
            name = "list",
            description = "Lists the nodes, also those that are down.",
            footer = {"", "Example:", "  cairn node list -o json | jq '.nodes[] | select(.state != \"Up\").node'"})
    int list() {
        ClusterStatus status = ClusterStatus.ask(cairn.cluster());
        cairn.print(
                Map.of("nodes", status.nodes().stream().map(Views.NodeView::of).toList()),
                () -> StatusCommand.nodes(cairn, status));
        return ExitCode.OK.number();
    }

    @Command(
            name = "kill",
            description = "Ends the engine of a node at once, by SIGKILL. Nothing acked is lost.",
            footer = {"", "Example:", "  cairn node kill 2"})
    int kill(@Parameters(paramLabel = "N", description = "Number of the node, from 1.") int node) {
        LocalCluster cluster = cluster(node);
        try (var _ = cluster.lock()) {
            if (!cluster.kill(node)) {
                throw new Failure(ExitCode.REFUSED, "Node " + node + " does not run");
            }
            cluster.awaitEnd(List.of(node), KILL);
        }
        cairn.done(
                "node", node, "Down", "Node " + node + " is killed; 'cairn node start " + node + "' starts it again.");
        return ExitCode.OK.number();
    }

    @Command(
            name = "stop",
            description = "Ends the engine of a node in order, by SIGTERM: it hands its volumes over first.",
            footer = {"", "Example:", "  cairn node stop 1"})
    int stop(@Parameters(paramLabel = "N", description = "Number of the node, from 1.") int node) {
        LocalCluster cluster = cluster(node);
        try (var _ = cluster.lock()) {
            if (!cluster.stop(node)) {
                cairn.done("node", node, "Down", "Node " + node + " does not run.");
                return ExitCode.OK.number();
            }
            cluster.awaitEnd(List.of(node), STOP);
        }
        cairn.done(
                "node", node, "Down", "Node " + node + " is stopped; 'cairn node start " + node + "' starts it again.");
        return ExitCode.OK.number();
    }

    @Command(
            name = "start",
            description = {
                "Starts the engine of a node and waits until it serves.",
                "Exit code 1 when its disk is there and cannot be used."
            },
            sortOptions = false,
            footer = {"", "Examples:", "  cairn node start 2", "  cairn node start 2 --wipe"})
    int start(
            @Parameters(paramLabel = "N", description = "Number of the node, from 1.") int node,
            @Option(names = "--wipe", description = "Destroy what its disk holds if that is no disk of this cluster.")
                    boolean wipe) {
        LocalCluster cluster = cluster(node);
        try (var _ = cluster.lock()) {
            if (wipe && cluster.runs(node)) {
                throw new Failure(
                        ExitCode.REFUSED,
                        "Node " + node + " runs: 'cairn node stop " + node + "' before it is started with --wipe");
            }
            boolean started = cluster.start(node, wipe);
            cluster.awaitReady(List.of(node), START, (ready, of) -> {});
            cairn.done("node", node, "Up", started ? "Node " + node + " is ready." : "Node " + node + " runs already.");
        }
        return LostDisks.tellFailed(cairn, cluster, node) ? ExitCode.FAILED.number() : ExitCode.OK.number();
    }

    private LocalCluster cluster(int node) {
        LocalCluster cluster = cairn.cluster();
        cluster.requireNode(node);
        return cluster;
    }
}
