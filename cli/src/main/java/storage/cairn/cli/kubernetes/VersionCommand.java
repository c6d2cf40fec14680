package storage.cairn.cli.kubernetes;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code kubectl cairn version}. */
@Command(name = "version", description = "Prints the version of this command and of the JDK that runs it.")
final class VersionCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;
    private final String version;

    VersionCommand(KubernetesCairn cairn, String version) {
        this.cairn = cairn;
        this.version = version;
    }

    @Override
    public Integer call() {
        String java = System.getProperty("java.vendor.version", System.getProperty("java.version"));
        cairn.print(
                Map.of("version", version, "java", java),
                () -> cairn.out().println("cairn " + version + " on " + java));
        return 0;
    }
}
