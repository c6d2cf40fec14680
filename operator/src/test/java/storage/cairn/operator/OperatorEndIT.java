package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.resource.Api;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;

/** The operator as a process that is told to end, with an API server and without one. */
final class OperatorEndIT {
    /** Half of what kubelet gives a pod is for its end; whoever waits for the API server needs minutes. */
    private static final long PATIENCE_SECONDS = 90;

    @TempDir
    Path folder;

    private Process start(Map<String, String> environment) throws IOException {
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
                        "CAIRN_NAMESPACE",
                        Api.NAMESPACE,
                        "CAIRN_IMAGE",
                        "none",
                        "CAIRN_GUARD_IMAGE",
                        "none",
                        "CAIRN_PAGES_PORT",
                        Integer.toString(port)));
        builder.environment().putAll(environment);
        return builder.start();
    }

    private void ends(Process process) throws IOException, InterruptedException {
        process.destroy();
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .as(said())
                .isTrue();
        assertThat(process.exitValue()).as(said()).isZero();
    }

    @Test
    void itEndsThoughItsLeaseCannotBeGivenBack() throws Exception {
        Process process = start(Map.of("KUBERNETES_MASTER", "https://127.0.0.1:1", "KUBECONFIG", "/dev/null"));
        try {
            Awaitility.await("it has begun")
                    .atMost(Duration.ofMinutes(3))
                    .until(() -> !process.isAlive() || said().contains("listSyncAndWatch failed"));
            ends(process);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** Whoever comes next would have to wait until it runs out. */
    @Test
    void itGivesItsLeaseBack() throws Exception {
        try (ApiServer server = ApiServer.start();
                KubernetesClient client = server.client()) {
            server.define(Path.of("..", "charts", "cairn", "templates", "crds"));
            client.resource(new NamespaceBuilder()
                            .withNewMetadata()
                            .withName(Api.NAMESPACE)
                            .endMetadata()
                            .build())
                    .create();
            Path kubeconfig = folder.resolve("kubeconfig");
            Files.writeString(kubeconfig, server.kubeconfig(server.port()));
            Process process = start(Map.of("KUBECONFIG", kubeconfig.toString()));
            try {
                Awaitility.await("it leads")
                        .atMost(Duration.ofMinutes(3))
                        .until(() -> !process.isAlive() || !holder(client).isEmpty());
                assertThat(holder(client)).as(said()).isNotEmpty();
                ends(process);
                assertThat(holder(client)).as(said()).isEmpty();
            } finally {
                process.destroyForcibly().waitFor();
            }
        }
    }

    private static String holder(KubernetesClient client) {
        Lease lease = client.leases()
                .inNamespace(Api.NAMESPACE)
                .withName(Names.FIELD_MANAGER)
                .get();
        String holder = lease == null ? null : lease.getSpec().getHolderIdentity();
        return holder == null ? "" : holder;
    }

    private String said() throws IOException {
        return Files.readString(folder.resolve("output"));
    }
}
