package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.testing.ApiServer;

/**
 * etcd goes back to a backup that is older than the loss of a replica: no engine serves by what it says, what the
 * others hold comes on record, and in a new term everything that was acked is there.
 */
final class KubernetesRollbackIT {
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final JsonMapper JSON = new JsonMapper();

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

    @Test
    void whatWasAckedSurvivesARestoreOfEtcdThatForgotTheLossOfAReplica() throws Exception {
        cluster.create("data", 64L << 20, 3);
        String export = cluster.serve(1, "data");
        server.backUp();
        cluster.engine(3).kill();
        try (Tool writer = NbdTools.ackedWriter(folder, List.of(cluster.uri(1, export)), 5, 4_096, 120)) {
            assertThat(writer.succeed(LONG)).contains("verified").doesNotContain("failed");
        }
        assertThat(membership().getSpec().inSync()).hasSize(2);
        long newest = membership().getSpec().epoch();
        String acked = digest(export);

        server.restore();
        // For a moment it answers that it has yet to read what it stores.
        Awaitility.await("the API server")
                .atMost(LONG)
                .ignoreExceptionsInstanceOf(KubernetesClientException.class)
                .until(() -> membership().getSpec().inSync().size() == 3);
        Awaitility.await("what the disks hold on record").atMost(LONG).until(() -> witnesses() >= 1);
        assertThat(membership().getSpec().epoch()).isLessThan(newest);
        // Nobody serves by what the store forgot.
        Awaitility.await("the owner to stop")
                .atMost(LONG)
                .untilAsserted(() -> assertThat(serve(2)).contains("StoreRolledBack"));

        recover();
        cluster.engine(3).start();
        Awaitility.await("the volume served again")
                .atMost(LONG)
                .untilAsserted(() -> assertThat(serve(1)).isEmpty());
        assertThat(membership().getSpec().storeTerm()).isEqualTo(2);
        assertThat(digest(cluster.serve(1, "data"))).isEqualTo(acked);
        Awaitility.await("all in sync")
                .atMost(LONG)
                .until(() -> membership().getSpec().inSync().size() == 3);
    }

    /** Of all that the volume holds, read through node 1. */
    private String digest(String export) throws Exception {
        return NbdTools.shell(folder, cluster.uri(1, export), """
                import hashlib
                d = hashlib.sha256()
                for i in range(64):
                    d.update(h.pread(1 << 20, i << 20))
                print(d.hexdigest())
                """);
    }

    /** Why it cannot be served there, empty when it is. */
    private String serve(int node) {
        try {
            cluster.engine(node)
                    .control()
                    .serveVolume(ServeVolumeRequest.newBuilder().setName("data").build());
            return "";
        } catch (io.grpc.StatusRuntimeException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private VolumeMembership membership() {
        try (KubernetesClient client = server.client()) {
            return client.resources(VolumeMembership.class).list().getItems().getFirst();
        }
    }

    private long witnesses() {
        Map<String, String> annotations = membership().getMetadata().getAnnotations();
        return annotations == null
                ? 0
                : annotations.keySet().stream()
                        .filter(key -> key.startsWith(Api.WITNESS_PREFIX))
                        .count();
    }

    /** As the replica manager does it: the newest that a disk holds, in the next term. */
    private void recover() throws IOException {
        VolumeMembership stored = membership();
        ObjectNode newest = null;
        for (Map.Entry<String, String> each :
                stored.getMetadata().getAnnotations().entrySet()) {
            if (each.getKey().startsWith(Api.WITNESS_PREFIX)) {
                ObjectNode held = (ObjectNode) JSON.readTree(each.getValue());
                if (newest == null
                        || held.path("epoch").asLong() > newest.path("epoch").asLong()) {
                    newest = held;
                }
            }
        }
        ObjectNode next = Objects.requireNonNull(newest, "nothing on record");
        next.put("storeTerm", 2)
                .put("epoch", next.path("epoch").asLong() + 1)
                .put("changeId", UUID.randomUUID().toString())
                .remove("owner");
        ArrayNode patch = JSON.createArrayNode();
        patch.addObject()
                .put("op", "test")
                .put("path", "/spec/changeId")
                .put("value", stored.getSpec().changeId());
        patch.addObject().put("op", "replace").put("path", "/spec").set("value", next);
        try (KubernetesClient client = server.client()) {
            client.resources(VolumeMembership.class)
                    .withName(stored.getMetadata().getName())
                    .patch(PatchContext.of(PatchType.JSON), patch.toString());
        }
    }
}
