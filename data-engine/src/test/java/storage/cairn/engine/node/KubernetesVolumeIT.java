package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.testing.ApiServer;

/** Three engine processes whose configuration store is a real Kubernetes API server, and that server dies. */
final class KubernetesVolumeIT {
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");
    private static final int STALL_SECONDS = 120;
    private static final Duration LONG = Duration.ofMinutes(4);

    @TempDir
    Path folder;

    private ApiServer server;
    private LocalCluster cluster;

    @BeforeEach
    void start() throws Exception {
        NbdTools.require();
        server = ApiServer.start();
        server.define(DEFINITIONS);
        Path kubeconfig = folder.resolve("kubeconfig");
        Files.writeString(kubeconfig, server.kubeconfig(server.port()));
        cluster = LocalCluster.lay(
                        folder,
                        3,
                        512L << 20,
                        "auto",
                        Map.of("configStore", "kubernetes", "kubeconfig", kubeconfig.toString()))
                .start();
    }

    @AfterEach
    void stop() throws Exception {
        if (cluster != null) {
            cluster.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private void awaitVolume(Predicate<Volume> wanted) {
        Awaitility.await()
                .atMost(LONG)
                .untilAsserted(() -> assertThat(cluster.engine(1)
                                .control()
                                .getVolume(GetVolumeRequest.newBuilder()
                                        .setName("data")
                                        .build()))
                        .matches(wanted));
    }

    private static boolean lacksOne(Volume volume) {
        return volume.getPhase().equals("Degraded")
                && volume.getReplicasList().stream()
                                .filter(replica -> replica.getState().equals("InSync"))
                                .count()
                        == 2;
    }

    @Test
    void writesGoOnWithoutTheApiServerAndWaitForItWhenAReplicaDies() throws Exception {
        cluster.create("data", 64L << 20, 3);
        String export = cluster.serve(1, "data");
        try (Tool writer = writer(export, 6)) {
            server.killApiServer();
            assertThat(writer.succeed(LONG)).contains("verified").doesNotContain("failed");
        }
        server.startApiServer();
        try (Tool writer = writer(export, 10)) {
            server.killApiServer();
            cluster.engine(3).kill();
            // Nobody may be told that a write is safe before the loss of the replica is recorded.
            server.startApiServer();
            awaitVolume(KubernetesVolumeIT::lacksOne);
            assertThat(writer.succeed(LONG)).contains("verified").doesNotContain("failed");
        }
        cluster.engine(3).start();
        awaitVolume(volume -> volume.getPhase().equals("Ready"));
    }

    /** Writes for a while, then reads everything back; connected already. */
    private Tool writer(String export, int seconds) throws IOException {
        Tool writer = NbdTools.ackedWriter(folder, List.of(cluster.uri(1, export)), seconds, 4_096, STALL_SECONDS);
        Awaitility.await().atMost(LONG).until(() -> writer.said().contains("writing"));
        return writer;
    }
}
