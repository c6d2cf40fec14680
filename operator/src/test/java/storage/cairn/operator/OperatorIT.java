package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.rbac.ClusterRoleBinding;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import io.fabric8.kubernetes.api.model.storage.StorageClassBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.javaoperatorsdk.operator.Operator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.testing.ApiServer;

/** The operator's reconciler on a real API server, which has no controllers and no nodes of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class OperatorIT {
    private static final int ROUNDS = 8;
    /** Objects that the operator makes for three nodes, at least. */
    private static final int LEAST_WRITTEN = 20;

    private static final Duration SOON = Duration.ofMinutes(3);
    private static final String NAMESPACE = "cairn-system";
    private static final String POOLED = "0d6e1c52-7a3b-4f0e-8c1d-2b9a4e5f6a71";
    private static final String DISK = "0d6e1c52-7a3b-4f0e-8c1d-2b9a4e5f6a70";

    private ApiServer server;
    private KubernetesClient client;
    private Operator operator;

    @BeforeAll
    void start() throws IOException {
        server = ApiServer.start();
        server.define(root().resolve("charts/cairn/templates/crds"));
        client = server.client();
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(NAMESPACE)
                        .endMetadata()
                        .build())
                .create();
        for (String account : List.of("engine", "replica-manager", "failover", "scheduler")) {
            server.createFile(root().resolve("charts/cairn/templates/access/" + account + ".yaml"));
        }
        for (int i = 1; i <= 3; i++) {
            node("node" + i, "10.0.0." + i);
        }
        operator = start(client);
        try (var in = Files.newInputStream(root().resolve("examples/storagecluster-trial.yaml"))) {
            client.load(in).create();
        }
    }

    private static Path root() {
        return Files.exists(Path.of("charts")) ? Path.of(".") : Path.of("..");
    }

    private static Operator start(KubernetesClient client) {
        Operator started = new Operator(overrider -> overrider
                .withKubernetesClient(client)
                .withCloseClientOnStop(false)
                .withStopOnInformerErrorDuringStartup(false));
        started.register(new StorageClusterReconciler(
                new Cluster(client, Fixtures.SETTINGS), Fixtures.SETTINGS, Clock.systemUTC()));
        started.start();
        return started;
    }

    private void node(String name, String address) {
        client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .endMetadata()
                        .build())
                .create();
        client.nodes()
                .withName(name)
                .editStatus(node -> new NodeBuilder(node)
                        .editOrNewStatus()
                        .addNewAddress(address, "InternalIP")
                        .endStatus()
                        .build());
    }

    @AfterAll
    void stop() throws IOException {
        if (operator != null) {
            operator.stop();
        }
        if (client != null) {
            client.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private Resource<DaemonSet> engines() {
        return client.apps().daemonSets().inNamespace(NAMESPACE).withName(Names.ENGINE);
    }

    private StorageCluster cluster() {
        return client.resources(StorageCluster.class).withName("cairn").get();
    }

    private void installed() {
        await().atMost(SOON).until(() -> engines().get() != null);
        await().atMost(SOON)
                .until(() ->
                        client.resources(StorageNode.class).list().getItems().size() == 3);
        await().atMost(SOON)
                .until(() -> cluster().getStatus() != null
                        && cluster().getStatus().conditions() != null
                        && !cluster().getStatus().conditions().isEmpty());
    }

    @Test
    void aStorageClusterBecomesEnginesNodesAndAPool() {
        installed();
        assertThat(client.resources(StoragePool.class).withName("default").get())
                .isNotNull();
        assertThat(client.storage()
                        .v1()
                        .storageClasses()
                        .withName("cairn-default")
                        .get())
                .isNotNull();
        assertThat(client.flowControl()
                        .v1()
                        .flowSchema()
                        .withName(Surroundings.MEMBERSHIPS)
                        .get())
                .isNotNull();
        Secret identity =
                client.secrets().inNamespace(NAMESPACE).withName(Names.IDENTITY).get();
        assertThat(identity.getImmutable()).isTrue();
        assertThat(cluster().getStatus().clusterId()).isNotEmpty();
    }

    @Test
    void whatIsEditedBehindItsBackIsPutRight() {
        installed();
        engines().edit(set -> {
            set.getSpec().getTemplate().getSpec().getContainers().getFirst().setImage("elsewhere/engine:1");
            set.getSpec().getUpdateStrategy().setType("RollingUpdate");
            return set;
        });
        await().atMost(SOON).untilAsserted(() -> {
            assertThat(engines()
                            .get()
                            .getSpec()
                            .getTemplate()
                            .getSpec()
                            .getContainers()
                            .getFirst()
                            .getImage())
                    .isEqualTo(Fixtures.SETTINGS.image());
            assertThat(engines().get().getSpec().getUpdateStrategy().getType()).isEqualTo("OnDelete");
        });
        client.policy()
                .v1()
                .podDisruptionBudget()
                .inNamespace(NAMESPACE)
                .withName("cairn-guard-1")
                .delete();
        await().atMost(SOON)
                .until(() -> client.policy()
                                .v1()
                                .podDisruptionBudget()
                                .inNamespace(NAMESPACE)
                                .withName("cairn-guard-1")
                                .get()
                        != null);
    }

    @Test
    void aDiskThatAnEngineReportsIsPutIntoThePoolAndCounted() {
        installed();
        Fixtures reported = new Fixtures().disk(DISK, "node1", DiskStatus.State.DISCOVERED, null);
        Disk disk = client.resource(reported.disks.getFirst()).create();
        disk.setStatus(reported.disks.getFirst().getStatus());
        client.resource(disk).updateStatus();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(client.resources(Disk.class)
                                .withName(DISK)
                                .get()
                                .getSpec()
                                .pool())
                        .isEqualTo("default"));
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(client.resources(StoragePool.class)
                                .withName("default")
                                .get()
                                .getStatus()
                                .disks())
                        .isEqualTo(1));
    }

    @Test
    void anotherNodeGetsANumberOfItsOwn() {
        installed();
        node("node4", "10.0.0.4");
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(client.resources(StorageNode.class)
                                .withName("node4")
                                .get())
                        .isNotNull());
        assertThat(client.resources(StorageNode.class).list().getItems())
                .extracting(node -> node.getSpec().number())
                .doesNotHaveDuplicates();
        client.nodes().withName("node4").delete();
        client.resources(StorageNode.class).withName("node4").delete();
    }

    @Test
    void aLostIdentityIsNotMadeUpAgainAndComesBack() {
        installed();
        Fixtures reported = new Fixtures().disk(POOLED, "node2", DiskStatus.State.READY, "default");
        client.resource(reported.disks.getFirst()).create();
        var identity = client.secrets().inNamespace(NAMESPACE).withName(Names.IDENTITY);
        Secret copy = identity.get();
        identity.delete();
        disturb();
        await().atMost(SOON).untilAsserted(() -> assertThat(degraded()).isEqualTo("IdentityLost"));
        assertThat(identity.get()).isNull();
        copy.getMetadata().setResourceVersion(null);
        client.resource(copy).create();
        disturb();
        await().atMost(SOON).untilAsserted(() -> assertThat(degraded()).isNotEqualTo("IdentityLost"));
        client.resources(Disk.class).withName(POOLED).delete();
    }

    private String degraded() {
        return told(Condition::getReason);
    }

    private String message() {
        return told(Condition::getMessage);
    }

    private String told(Function<Condition, String> what) {
        return Objects.requireNonNull(cluster().getStatus().conditions()).stream()
                .filter(each -> each.getType().equals("Degraded"))
                .map(what)
                .findFirst()
                .orElse("");
    }

    /** The operator watches no secrets: it looks when something that it watches changes, and each minute. */
    private void disturb() {
        client.policy()
                .v1()
                .podDisruptionBudget()
                .inNamespace(NAMESPACE)
                .withName("cairn-guard-2")
                .delete();
    }

    @Test
    void whatTheApiServerWillNotHaveIsSaidAndTheRestIsDone() {
        installed();
        var classes = client.storage().v1().storageClasses();
        StorageClass others = classes.withName("cairn-default").get();
        client.resource(new StorageClassBuilder(others)
                        .withNewMetadata()
                        .withName("cairn-other")
                        .endMetadata()
                        .withParameters(Map.of("pool", "elsewhere"))
                        .build())
                .create();
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder().withName("other").build());
        pool.setSpec(
                client.resources(StoragePool.class).withName("default").get().getSpec());
        client.resource(pool).create();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(message())
                        .contains(
                                "StorageClass cairn-other cannot be made as it should be", "delete that StorageClass"));
        engines().edit(set -> {
            set.getSpec().getUpdateStrategy().setType("RollingUpdate");
            return set;
        });
        await().atMost(SOON)
                .until(() ->
                        engines().get().getSpec().getUpdateStrategy().getType().equals("OnDelete"));
        client.resources(StoragePool.class).withName("other").delete();
        classes.withName("cairn-other").delete();
        await().atMost(SOON).untilAsserted(() -> assertThat(message()).doesNotContain("cairn-other"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "cairn-engine",
                "cairn-replica-manager",
                "cairn-failover",
                "cairn-scheduler",
                "cairn-scheduler-as-kube-scheduler",
                "cairn-scheduler-as-volume-scheduler"
            })
    void aBindingThatIsGoneIsSaidWithWhatToDo(String name) {
        List<Right> rights = Right.of(Fixtures.SETTINGS, true);
        assertThat(new Cluster(client, Fixtures.SETTINGS).missing(rights)).isEmpty();
        var binding = client.rbac().clusterRoleBindings().withName(name);
        ClusterRoleBinding copy = binding.get();
        binding.delete();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(new Cluster(client, Fixtures.SETTINGS).missing(rights))
                        .singleElement()
                        .asString()
                        .contains("ClusterRoleBinding " + name + ",", "helm upgrade"));
        copy.getMetadata().setResourceVersion(null);
        client.resource(copy).create();
        await().atMost(SOON)
                .until(() ->
                        new Cluster(client, Fixtures.SETTINGS).missing(rights).isEmpty());
    }

    @Test
    void aRightThatIsMissingIsACondition() {
        installed();
        var binding = client.rbac().roleBindings().inNamespace(NAMESPACE).withName(Names.ENGINE);
        RoleBinding copy = binding.get();
        binding.delete();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(message()).contains("RoleBinding cairn-engine", "helm upgrade"));
        copy.getMetadata().setResourceVersion(null);
        client.resource(copy).create();
        await().atMost(SOON).untilAsserted(() -> assertThat(message()).doesNotContain("RoleBinding"));
    }

    /** How many requests with a verb about a resource the API server has answered; an empty one is any. */
    private long requests(String verb, String resource) {
        long count = 0;
        for (String line : client.raw("/metrics").split("\n")) {
            if (line.startsWith("apiserver_request_total{")
                    && line.contains("verb=\"" + verb + "\"")
                    && line.contains("resource=\"" + resource)) {
                count += (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
            }
        }
        return count;
    }

    /** Hundreds of objects change at once when a node is lost, and the API server has more urgent things to do then. */
    @Test
    void whatNobodyChangedIsNotWrittenInEachRound() {
        installed();
        long written = requests("APPLY", "");
        for (int round = 0; round < ROUNDS; round++) {
            String mark = "round-" + round;
            // Each round looks whether the identity is there.
            long looked = requests("GET", "secrets");
            client.resources(StoragePool.class).withName("default").edit(pool -> {
                pool.getMetadata().setLabels(Map.of("cairn.storage/test", mark));
                return pool;
            });
            await().atMost(SOON).until(() -> requests("GET", "secrets") > looked);
        }
        assertThat(requests("APPLY", "") - written)
                .as("less than two rounds that write everything")
                .isLessThan(2 * LEAST_WRITTEN);
    }

    @Test
    void whoDeletesTheStorageClusterIsToldOnceWhatIsLeft() {
        installed();
        Farewell one = new Farewell(new Cluster(client, Fixtures.SETTINGS), client, Fixtures.SETTINGS);
        Farewell two = new Farewell(new Cluster(client, Fixtures.SETTINGS), client, Fixtures.SETTINGS);
        StorageCluster gone = cluster();
        gone.getMetadata().setUid("11111111-2222-3333-4444-555555555555");
        one.onDelete(gone, false);
        two.onDelete(gone, false);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(client.v1()
                                .events()
                                .inNamespace("default")
                                .withField("reason", "Uninstalled")
                                .list()
                                .getItems())
                        .singleElement()
                        .extracting(Event::getMessage)
                        .asString()
                        .contains("Nothing is erased"));
        one.close();
        two.close();
    }
}
