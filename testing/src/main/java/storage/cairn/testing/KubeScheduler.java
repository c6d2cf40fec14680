package storage.cairn.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A real kube-scheduler on an {@link ApiServer}; where its binary is not, the test that asks for it is skipped. One that
 * ends, for instance because it lost its lease on a busy machine, is started again, as kubelet does.
 */
public final class KubeScheduler implements AutoCloseable {
    private final Path folder;
    private final ProcessBuilder command;
    private final Thread ending = new Thread(this::end);
    private @Nullable Process process;
    private boolean ended;

    private KubeScheduler(Path folder, ProcessBuilder command) {
        this.folder = folder;
        this.command = command;
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
        ProcessBuilder command = new ProcessBuilder(
                        binaries.resolve("kube-scheduler").toString(),
                        "--config=" + file,
                        "--secure-port=0",
                        "--cert-dir=" + folder,
                        "--authentication-kubeconfig=" + kubeconfig,
                        "--authorization-kubeconfig=" + kubeconfig,
                        "--v=3")
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()));
        KubeScheduler scheduler = new KubeScheduler(folder, command);
        scheduler.run();
        return scheduler;
    }

    private synchronized void run() {
        if (!ended) {
            try {
                process = command.start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            var _ = process.onExit().thenRunAsync(this::run, CompletableFuture.delayedExecutor(1, TimeUnit.SECONDS));
        }
    }

    private synchronized @Nullable Process end() {
        ended = true;
        if (process != null) {
            process.destroyForcibly();
        }
        return process;
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
        Process last = end();
        if (last != null) {
            last.onExit().join();
        }
        Runtime.getRuntime().removeShutdownHook(ending);
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
