package storage.cairn.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** A real kube-scheduler on an {@link ApiServer}; where its binary is not, the test that asks for it is skipped. */
public final class KubeScheduler implements AutoCloseable {
    private final Path folder;
    private final Process process;
    private final Thread ending;

    private KubeScheduler(Path folder, Process process) {
        this.folder = folder;
        this.process = process;
        this.ending = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(ending);
    }

    /**
     * Starts one, which serves when it leads.
     *
     * @param configuration a KubeSchedulerConfiguration without a clientConnection
     */
    public static KubeScheduler start(ApiServer server, String configuration) throws IOException {
        Path binaries = ApiServer.Binaries.require("kube-scheduler");
        Path folder = Files.createTempDirectory("cairn-kube-scheduler");
        Path kubeconfig = Files.writeString(folder.resolve("kubeconfig"), server.kubeconfig(server.port()));
        Path file = Files.writeString(
                folder.resolve("configuration.yaml"),
                configuration + "clientConnection:\n  kubeconfig: " + kubeconfig + "\n");
        Process process = new ProcessBuilder(
                        binaries.resolve("kube-scheduler").toString(),
                        "--config=" + file,
                        "--secure-port=0",
                        "--cert-dir=" + folder,
                        "--authentication-kubeconfig=" + kubeconfig,
                        "--authorization-kubeconfig=" + kubeconfig,
                        "--v=3")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        return new KubeScheduler(folder, process);
    }

    /** What it logged so far. */
    public String log() {
        try {
            return Files.readString(folder.resolve("log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** SIGKILL. */
    @Override
    public void close() throws IOException {
        process.destroyForcibly().onExit().join();
        Runtime.getRuntime().removeShutdownHook(ending);
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
