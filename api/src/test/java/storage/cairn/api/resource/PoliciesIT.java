package storage.cairn.api.resource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBindingBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import storage.cairn.testing.ApiServer;

/** The admission policies on a real API server. Roles let everybody do everything here: only the policies refuse. */
final class PoliciesIT {
    private static final Path POLICIES = Path.of("..", "charts", "cairn", "templates", "policies");
    private static final String ENGINE = "cairn-engine";
    private static final String REPLICA_MANAGER = "cairn-replica-manager";
    private static final String DEFINITION = "storagepools.cairn.storage";

    private static ApiServer server;
    private static KubernetesClient admin;
    private static KubernetesClient engine;
    private static KubernetesClient manager;

    @BeforeAll
    static void start() throws IOException {
        server = ApiServer.start();
        admin = server.client();
        engine = server.clientOf(ENGINE, "node1");
        manager = server.clientOf(REPLICA_MANAGER, "");
        server.define(DefinitionsTest.CHART);
        admin.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName("cairn-system")
                        .endMetadata()
                        .build())
                .create();
        admin.resource(new ClusterRoleBindingBuilder()
                        .withNewMetadata()
                        .withName("everything")
                        .endMetadata()
                        .withNewRoleRef("rbac.authorization.k8s.io", "ClusterRole", "cluster-admin")
                        .addNewSubject("rbac.authorization.k8s.io", "Group", "system:serviceaccounts", null)
                        .build())
                .create();
        server.create(POLICIES);
        Awaitility.await("policies in force").until(PoliciesIT::inForce);
    }

    /** The API server hears of its policies by a watch of its own, one after the other. */
    private static boolean inForce() throws IOException {
        return refuses(() -> admin.resource(example("volumemembership.yaml"))
                        .dryRun()
                        .create())
                && refuses(() -> engine.resource(named("storagenode.yaml", "node2"))
                        .dryRun()
                        .create());
    }

    private interface Attempt {
        void make() throws IOException;
    }

    private static boolean refuses(Attempt attempt) throws IOException {
        try {
            attempt.make();
            return false;
        } catch (KubernetesClientException e) {
            return e.getMessage() != null && e.getMessage().contains("denied");
        }
    }

    @AfterAll
    static void stop() throws IOException {
        if (server != null) {
            engine.close();
            manager.close();
            admin.close();
            server.close();
        }
    }

    private static GenericKubernetesResource example(String file) throws IOException {
        Path examples = Path.of("..", "examples");
        Path path = examples.resolve("made-by-cairn").resolve(file);
        return Serialization.unmarshal(
                Files.readString(Files.exists(path) ? path : examples.resolve(file)), GenericKubernetesResource.class);
    }

    private static GenericKubernetesResource named(String file, String name) throws IOException {
        GenericKubernetesResource resource = example(file);
        resource.getMetadata().setName(name);
        return resource;
    }

    private static void assertRefused(Attempt attempt, String says) {
        assertThatThrownBy(attempt::make)
                .isInstanceOf(KubernetesClientException.class)
                .hasMessageContaining(says);
    }

    @Test
    void aDefinitionStaysWhileAVolumeExists() throws IOException {
        GenericKubernetesResource volume =
                admin.resource(example("volume.yaml")).create();
        var definition = admin.apiextensions().v1().customResourceDefinitions().withName(DEFINITION);
        Awaitility.await()
                .untilAsserted(() -> assertRefused(() -> definition.dryRun().delete(), "volume data exists"));
        assertRefused(
                () -> admin.apiextensions().v1().customResourceDefinitions().delete(),
                "this would delete what is known");
        assertThat(definition.get().getMetadata().getDeletionTimestamp()).isNull();
        admin.resource(volume).delete();
        Awaitility.await().untilAsserted(() -> definition.dryRun().delete());
    }

    @Test
    void aDefinitionStaysWhileAMembershipIsNoTombstone() throws IOException {
        GenericKubernetesResource membership =
                engine.resource(example("volumemembership.yaml")).create();
        var definition = admin.apiextensions().v1().customResourceDefinitions().withName(DEFINITION);
        Awaitility.await()
                .untilAsserted(
                        () -> assertRefused(() -> definition.dryRun().delete(), "only record of where its data is"));
        engine.resource(membership)
                .patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        "{\"spec\":{\"deleted\":true,\"epoch\":8,"
                                + "\"changeId\":\"11111111-2222-3333-4444-555555555555\"}}");
        Awaitility.await().untilAsserted(() -> definition.dryRun().delete());
        manager.resource(membership).delete();
    }

    @Test
    void theStorageClusterStaysWhileAVolumeIsServedUnlessSomebodyMeansIt() throws IOException {
        GenericKubernetesResource cluster =
                admin.resource(example("storagecluster-trial.yaml")).create();
        var deletion = admin.resources(StorageCluster.class)
                .withName(cluster.getMetadata().getName())
                .dryRun();
        GenericKubernetesResource membership =
                engine.resource(example("volumemembership.yaml")).create();
        PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
        engine.resource(membership).patch(merge, served("\"22222222-2222-4222-8222-222222222222\"", 8));
        Awaitility.await().untilAsserted(() -> assertRefused(deletion::delete, "is served"));
        String annotation = "{\"metadata\":{\"annotations\":{\"cairn.storage/delete-anyway\":%s}}}";
        admin.resource(cluster).patch(merge, annotation.formatted("\"true\""));
        deletion.delete();
        admin.resource(cluster).patch(merge, annotation.formatted("null"));
        assertRefused(deletion::delete, "cairn.storage/delete-anyway=true");
        engine.resource(membership).patch(merge, served("null", 9));
        Awaitility.await().untilAsserted(deletion::delete);
        manager.resource(membership).delete();
        admin.resources(StorageCluster.class).delete();
    }

    private static String served(String attachId, int epoch) {
        return "{\"spec\":{\"epoch\":" + epoch + ",\"changeId\":\"11111111-2222-3333-4444-5555555555" + (40 + epoch)
                + "\",\"attachId\":" + attachId + "}}";
    }

    @Test
    void membershipsAndNamesAreWrittenByCairnAlone() throws IOException {
        for (String file : new String[] {"volumemembership.yaml", "volumename.yaml"}) {
            assertRefused(() -> admin.resource(example(file)).create(), "written by Cairn alone");
            KubernetesClient other = server.clientOf("cairn-operator", "node1");
            assertRefused(() -> other.resource(example(file)).create(), "written by Cairn alone");
            other.close();
            GenericKubernetesResource made = engine.resource(example(file)).create();
            assertRefused(
                    () -> admin.resource(made)
                            .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"),
                    "written by Cairn alone");
            assertRefused(() -> admin.resource(made).delete(), "written by Cairn alone");
            assertRefused(() -> engine.resource(made).delete(), "written by Cairn alone");
            manager.resource(made).delete();
        }
    }

    @Test
    void aDriverAnnotatesItsOwnNodeAlone() throws IOException {
        admin.resource(named("storagenode.yaml", "node3")).create();
        admin.resource(named("storagenode.yaml", "node4")).create();
        PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
        String cleaned = "{\"metadata\":{\"annotations\":{\"cairn.storage/cleaned\":\"1\"}}}";
        try (KubernetesClient driver = server.clientOf("cairn-csi-node", "node3")) {
            var own = driver.resources(StorageNode.class).withName("node3");
            var other = driver.resources(StorageNode.class).withName("node4");
            Awaitility.await()
                    .untilAsserted(() ->
                            assertRefused(() -> other.patch(merge, cleaned), "annotates its own StorageNode alone"));
            assertThat(own.patch(merge, cleaned).getMetadata().getAnnotations())
                    .containsEntry("cairn.storage/cleaned", "1");
            assertRefused(
                    () -> own.patch(merge, "{\"spec\":{\"schedulable\":false}}"),
                    "annotates its own StorageNode alone");
        }
        admin.resources(StorageNode.class).withName("node3").delete();
        admin.resources(StorageNode.class).withName("node4").delete();
    }

    @Test
    void anEngineWritesItsOwnNodeAlone() throws IOException {
        engine.resource(named("storagenode.yaml", "node1")).create();
        assertRefused(() -> engine.resource(named("storagenode.yaml", "node2")).create(), "its own StorageNode alone");
        admin.resource(named("storagenode.yaml", "node2")).create();
        PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
        String status = "{\"status\":{\"version\":\"1\"}}";
        var own = engine.resources(StorageNode.class).withName("node1");
        var other = engine.resources(StorageNode.class).withName("node2");
        own.subresource("status").patch(merge, status);
        assertRefused(() -> other.subresource("status").patch(merge, status), "its own StorageNode alone");
        assertRefused(() -> other.patch(merge, "{\"spec\":{\"evacuate\":true}}"), "its own StorageNode alone");
        assertRefused(own::delete, "deletes no StorageNode");
        KubernetesClient nowhere = server.clientOf(ENGINE, "");
        assertRefused(
                () -> nowhere.resources(StorageNode.class).withName("node1").patch(merge, status),
                "its own StorageNode alone");
        nowhere.close();
        admin.resources(StorageNode.class).delete();
    }

    @Test
    void anEngineWritesTheDisksThatItHoldsAlone() throws IOException {
        PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
        String name =
                engine.resource(example("disk.yaml")).create().getMetadata().getName();
        var disk = engine.resources(Disk.class).withName(name);
        assertRefused(
                () -> disk.subresource("status").patch(merge, "{\"status\":{\"node\":\"node2\"}}"), "disks alone");
        disk.subresource("status").patch(merge, "{\"status\":{\"node\":\"node1\",\"state\":\"Ready\"}}");
        disk.patch(merge, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
        KubernetesClient second = server.clientOf(ENGINE, "node2");
        var moved = second.resources(Disk.class).withName(name);
        assertRefused(() -> moved.patch(merge, "{\"metadata\":{\"labels\":{\"a\":\"c\"}}}"), "disks alone");
        // Plugged in there: the engine that finds it says so.
        moved.subresource("status").patch(merge, "{\"status\":{\"node\":\"node2\"}}");
        assertRefused(() -> disk.patch(merge, "{\"metadata\":{\"labels\":{\"a\":\"d\"}}}"), "disks alone");
        assertRefused(moved::delete, "deletes no StorageNode and no Disk");
        second.close();
        admin.resources(Disk.class).delete();
    }
}
