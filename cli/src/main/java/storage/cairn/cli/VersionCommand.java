package storage.cairn.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ControlClient;

/** {@code cairn version}. */
@Command(
        name = "version",
        description = "Prints the version of Cairn and of the JDK that runs it.",
        footer = {"", "Example:", "  cairn version -o json"})
final class VersionCommand implements Callable<Integer> {
    private final Cairn cairn;

    @Option(
            names = "--warm-up",
            hidden = true,
            description = "Loads what short commands use, for the class cache that the launcher makes.")
    private boolean warmUp;

    VersionCommand(Cairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        String java = System.getProperty("java.vendor.version", System.getProperty("java.version"));
        cairn.print(
                Map.of("version", Version.current(), "java", java),
                () -> cairn.out().println("cairn " + Version.current() + " on " + java));
        if (warmUp) {
            cairn.out().println(new picocli.CommandLine(new StatusCommand(cairn)).getUsageMessage());
            try (ControlClient client = ControlClient.connect(nobody())) {
                client.reachable();
            }
        }
        return 0;
    }

    /** A node that is not there. */
    private static ClusterFile.Node nobody() {
        String nowhere = "127.0.0.1:1";
        return new ClusterFile.Node(
                1, nowhere, "/nonexistent/control.sock", nowhere, "/nonexistent/nbd.sock", nowhere, nowhere);
    }
}
