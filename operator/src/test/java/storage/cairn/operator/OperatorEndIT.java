package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.testing.FreePorts;

/** The operator as a process that is told to end while no API server answers. */
final class OperatorEndIT {
    /** Half of what kubelet gives a pod is for its end; whoever waits for the API server needs minutes. */
    private static final long PATIENCE_SECONDS = 90;

    @TempDir
    Path folder;

    @Test
    void itEndsThoughItsLeaseCannotBeGivenBack() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        OperatorMain.class.getName())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile());
        int port = FreePorts.next();
        builder.environment()
                .putAll(Map.of(
                        "KUBERNETES_MASTER", "https://127.0.0.1:1",
                        "KUBECONFIG", "/dev/null",
                        "CAIRN_NAMESPACE", "cairn-system",
                        "CAIRN_IMAGE", "none",
                        "CAIRN_GUARD_IMAGE", "none",
                        "CAIRN_PAGES_PORT", Integer.toString(port)));
        Process process = builder.start();
        try {
            Awaitility.await("it has begun")
                    .atMost(Duration.ofMinutes(3))
                    .until(() -> !process.isAlive() || said().contains("listSyncAndWatch failed"));
            process.destroy();
            assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .as(said())
                    .isTrue();
            assertThat(process.exitValue()).as(said()).isZero();
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private String said() throws IOException {
        return Files.readString(folder.resolve("output"));
    }
}
