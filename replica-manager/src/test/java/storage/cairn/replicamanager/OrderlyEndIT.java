package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.api.resource.Api;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;

/** The process, in each of its roles, told to end while it leads. */
final class OrderlyEndIT {
    private static final Duration LONG = Duration.ofMinutes(3);
    private static final long PATIENCE_SECONDS = 30;

    @TempDir
    Path folder;

    private ApiServer server;
    private KubernetesClient client;

    @BeforeEach
    void start() throws IOException {
        server = ApiServer.start();
        server.define(Path.of("..", "charts", "cairn", "templates", "crds"));
        client = server.client();
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(Api.NAMESPACE)
                        .endMetadata()
                        .build())
                .create();
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        server.close();
    }

    /** Whoever comes next would have to wait until it runs out. */
    @ParameterizedTest
    @CsvSource({"placement, cairn-replica-manager", "failover, cairn-failover"})
    void itGivesItsLeaseBack(String role, String lease) throws Exception {
        Path kubeconfig = folder.resolve("kubeconfig");
        Files.writeString(kubeconfig, server.kubeconfig(server.port()));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "--role",
                        role,
                        "--kubeconfig",
                        kubeconfig.toString(),
                        "--listen",
                        "127.0.0.1:" + FreePorts.next())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile())
                .start();
        try {
            Awaitility.await("it leads")
                    .atMost(LONG)
                    .until(() -> !process.isAlive() || said().contains("this process leads"));
            assertThat(holder(lease)).as(said()).isNotEmpty();
            process.destroy();
            assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .as(said())
                    .isTrue();
            assertThat(process.exitValue()).as(said()).isZero();
            assertThat(holder(lease)).as(said()).isEmpty();
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private String holder(String name) {
        Lease lease = client.leases().inNamespace(Api.NAMESPACE).withName(name).get();
        String holder = lease == null ? null : lease.getSpec().getHolderIdentity();
        return holder == null ? "" : holder;
    }

    private String said() throws IOException {
        return Files.readString(folder.resolve("output"));
    }
}
