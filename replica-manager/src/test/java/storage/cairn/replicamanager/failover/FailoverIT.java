package storage.cairn.replicamanager.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.PodStatusBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.api.model.storage.CSINodeBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.testing.ApiServer;

/** Failover on a real API server, with the rights that the chart gives it; the test says what kubelets and engines would. */
final class FailoverIT {
    private static final Path TEMPLATES = Path.of("..", "charts", "cairn", "templates");
    private static final Duration LONG = Duration.ofMinutes(3);
    /** Everything ten times as fast. */
    private static final Limits FAST = new Limits(1_500, 4_000, 600, 1_500, 6_000, 2_000, 1_000, 34, 3, 100);

    private static final KubernetesHands.Observer NOBODY = new KubernetesHands.Observer() {
        @Override
        public void confirmed(String node, String beat) {}

        @Override
        public void answered(String node) {}
    };

    private final ScheduledExecutorService beats = Executors.newSingleThreadScheduledExecutor();
    private final Set<String> dead = ConcurrentHashMap.newKeySet();
    private ApiServer server;
    private KubernetesClient client;
    private KubernetesClient own;
    private @Nullable FailoverProcess failover;

    @BeforeEach
    void start() throws IOException {
        server = ApiServer.start();
        server.define(TEMPLATES.resolve("crds"));
        client = server.client();
        for (String namespace : List.of(Api.NAMESPACE, KubernetesHands.NODE_LEASES)) {
            if (client.namespaces().withName(namespace).get() == null) {
                client.resource(new NamespaceBuilder()
                                .withNewMetadata()
                                .withName(namespace)
                                .endMetadata()
                                .build())
                        .create();
            }
        }
        server.createFile(TEMPLATES.resolve("access").resolve("failover.yaml"));
        for (int number = 1; number <= 3; number++) {
            node(number);
        }
        volume("ours", "data", 3, Api.DRIVER);
        volume("theirs", "other", 0, "csi.example.com");
        var _ = beats.scheduleWithFixedDelay(this::beat, 0, 300, TimeUnit.MILLISECONDS);
        server.create(TEMPLATES.resolve("policies"));
        own = server.clientOf("cairn-failover", "");
    }

    @AfterEach
    void stop() throws IOException {
        if (failover != null) {
            failover.close();
        }
        beats.shutdownNow();
        own.close();
        client.close();
        server.close();
    }

    private void node(int number) {
        String name = "n" + number;
        client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .endMetadata()
                        .withNewSpec()
                        .endSpec()
                        .build())
                .create();
        boot(name, "boot-1");
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName(name).build());
        node.setSpec(new StorageNodeSpec(number, null, null, null));
        client.resource(node).create();
        lease(KubernetesHands.NODE_LEASES, name);
        lease(Api.NAMESPACE, Api.LEASE_PREFIX + name);
    }

    private void boot(String node, String boot) {
        client.nodes().withName(node).editStatus(each -> {
            each.setStatus(new io.fabric8.kubernetes.api.model.NodeStatusBuilder()
                    .withNewNodeInfo()
                    .withBootID(boot)
                    .endNodeInfo()
                    .build());
            return each;
        });
    }

    private void lease(String namespace, String name) {
        client.resource(new LeaseBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .withNamespace(namespace)
                        .endMetadata()
                        .withNewSpec()
                        .withHolderIdentity(name)
                        .withRenewTime(ZonedDateTime.now(ZoneOffset.UTC))
                        .endSpec()
                        .build())
                .create();
    }

    private void beat() {
        for (int number = 1; number <= 3; number++) {
            String name = "n" + number;
            if (!dead.contains(name)) {
                String unreachable = String.join(
                        ",", dead.stream().map(each -> each.substring(1)).toList());
                renew(KubernetesHands.NODE_LEASES, name, null);
                renew(Api.NAMESPACE, Api.LEASE_PREFIX + name, unreachable);
            }
        }
    }

    private void renew(String namespace, String name, @Nullable String unreachable) {
        client.leases().inNamespace(namespace).withName(name).edit(lease -> {
            lease.getSpec().setRenewTime(ZonedDateTime.now(ZoneOffset.UTC));
            if (unreachable != null) {
                lease.getMetadata().setAnnotations(Map.of(Api.UNREACHABLE, unreachable));
            }
            return lease;
        });
    }

    private void volume(String name, String claim, int owner, String driver) {
        String id = UUID.nameUUIDFromBytes(name.getBytes(java.nio.charset.StandardCharsets.UTF_8))
                .toString();
        if (owner > 0) {
            VolumeMembership membership = new VolumeMembership();
            membership.setMetadata(new ObjectMetaBuilder().withName(id).build());
            membership.setSpec(new VolumeMembershipSpec(
                    name,
                    1,
                    7,
                    UUID.randomUUID().toString(),
                    new VolumeMembershipSpec.Owner(owner, UUID.randomUUID().toString()),
                    List.of(new UUID(0, 1).toString(), new UUID(0, 2).toString()),
                    List.of(),
                    List.of(),
                    1,
                    1L << 30,
                    UUID.randomUUID().toString(),
                    true,
                    false,
                    false));
            client.resource(membership).create();
        }
        client.resource(new PersistentVolumeBuilder()
                        .withNewMetadata()
                        .withName("pv-" + name)
                        .endMetadata()
                        .withNewSpec()
                        .withCapacity(Map.of("storage", new Quantity("1Gi")))
                        .withAccessModes("ReadWriteOnce")
                        .withNewCsi()
                        .withDriver(driver)
                        .withVolumeHandle(id)
                        .endCsi()
                        .endSpec()
                        .build())
                .create();
        client.resource(new PersistentVolumeClaimBuilder()
                        .withNewMetadata()
                        .withName(claim)
                        .withNamespace("default")
                        .endMetadata()
                        .withNewSpec()
                        .withAccessModes("ReadWriteOnce")
                        .withVolumeName("pv-" + name)
                        .withNewResources()
                        .withRequests(Map.of("storage", new Quantity("1Gi")))
                        .endResources()
                        .endSpec()
                        .build())
                .create();
        pod("pod-" + claim, claim, "n3");
    }

    private Pod pod(String name, String claim, String node) {
        return client.resource(new PodBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .withNamespace("default")
                        .endMetadata()
                        .withNewSpec()
                        .withNodeName(node)
                        .addNewContainer()
                        .withName("main")
                        .withImage("none")
                        .endContainer()
                        .addNewVolume()
                        .withName("data")
                        .withNewPersistentVolumeClaim(claim, false)
                        .endVolume()
                        .endSpec()
                        .build())
                .create();
    }

    /** A pod of our scheduler, as its kubelet reports it. */
    private void webhook(String name, String node) {
        client.resource(new PodBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .withNamespace(Api.NAMESPACE)
                        .addToLabels("app.kubernetes.io/name", "cairn-scheduler")
                        .endMetadata()
                        .withNewSpec()
                        .withNodeName(node)
                        .addNewContainer()
                        .withName("main")
                        .withImage("none")
                        .endContainer()
                        .endSpec()
                        .build())
                .create();
        client.pods().inNamespace(Api.NAMESPACE).withName(name).editStatus(pod -> {
            pod.setStatus(new PodStatusBuilder()
                    .addNewCondition()
                    .withType("Ready")
                    .withStatus("True")
                    .endCondition()
                    .addNewCondition()
                    .withType("Initialized")
                    .withStatus("True")
                    .endCondition()
                    .build());
            return pod;
        });
    }

    private boolean isReady(String webhook) {
        return client.pods().inNamespace(Api.NAMESPACE).withName(webhook).get().getStatus().getConditions().stream()
                .anyMatch(each -> "Ready".equals(each.getType()) && "True".equals(each.getStatus()));
    }

    private @Nullable Pod pod(String name) {
        return client.pods().inNamespace("default").withName(name).get();
    }

    private boolean isTainted(String node) {
        return client.nodes().withName(node).get().getSpec().getTaints().stream()
                .anyMatch(KubernetesHands::isOurs);
    }

    private List<String> reasons(String node) {
        return client.v1().events().inNamespace("default").list().getItems().stream()
                .filter(event -> node.equals(event.getInvolvedObject().getName()))
                .map(event -> String.valueOf(event.getReason()))
                .toList();
    }

    @Test
    void aDeadNodesVolumesAndPodsAreFreedAndItReturnsOnceItIsClean() {
        failover = new FailoverProcess(own, new SimpleMeterRegistry(), FAST);
        webhook("webhook-1", "n1");
        webhook("webhook-3", "n3");
        failover.start();
        failover.lead();
        Awaitility.await("failover has read everything").atMost(LONG).until(failover::isReady);
        dead.add("n3");
        Awaitility.await("the pod to be deleted").atMost(LONG).until(() -> pod("pod-data") == null);
        VolumeMembershipSpec fenced = client.resources(VolumeMembership.class)
                .list()
                .getItems()
                .getFirst()
                .getSpec();
        assertThat(fenced.owner()).isNull();
        assertThat(fenced.attachId()).isNull();
        assertThat(fenced.epoch()).isEqualTo(8);
        assertThat(isTainted("n3")).isTrue();
        assertThat(client.nodes().withName("n3").get().getSpec().getTaints())
                .as("never the taint that frees volumes of everybody")
                .noneMatch(taint -> "node.kubernetes.io/out-of-service".equals(taint.getKey()));
        assertThat(pod("pod-other")).as("a pod without a volume of ours").isNotNull();
        assertThat(isReady("webhook-3")).as("the webhook on the dead node").isFalse();
        assertThat(isReady("webhook-1")).isTrue();
        Awaitility.await("events")
                .atMost(LONG)
                .untilAsserted(() -> assertThat(reasons("n3"))
                        .contains("FailoverBegins", "VolumesFenced", "NodeTainted", "PodsDeleted"));

        dead.clear();
        Awaitility.await("the node to be told from a clean one")
                .atMost(LONG)
                .until(() -> reasons("n3").contains("FailoverTaintStays"));
        assertThat(isTainted("n3")).isTrue();
        boot("n3", "boot-2");
        Awaitility.await("the taint to go").atMost(LONG).until(() -> !isTainted("n3"));
        assertThat(isTainted("n1")).isFalse();
        assertThat(isTainted("n2")).isFalse();
    }

    @Test
    void whoWaitsForItsTurnDoesNothingAndOnceItLeadsUsesWhatItSawMeanwhile() throws Exception {
        // A node that just came back, whose kubelet knows no driver yet.
        new KubernetesHands(client, List::of, NOBODY, Runnable::run).taint("n1");
        client.resource(new CSINodeBuilder()
                        .withNewMetadata()
                        .withName("n1")
                        .endMetadata()
                        .withNewSpec()
                        .endSpec()
                        .build())
                .create();
        failover = new FailoverProcess(own, new SimpleMeterRegistry(), FAST);
        failover.start();
        Awaitility.await("failover has read everything").atMost(LONG).until(failover::isReady);
        dead.add("n3");
        Awaitility.await("nothing to be done by one that does not lead")
                .during(Duration.ofSeconds(4))
                .atMost(LONG)
                .until(() -> reasons("n3").isEmpty() && !isTainted("n3") && pod("pod-data") != null);
        failover.lead();
        Awaitility.await("the pod to be deleted").atMost(LONG).until(() -> pod("pod-data") == null);
        Awaitility.await("the event").atMost(LONG).until(() -> reasons("n3").contains("FailoverBegins"));
        String why = client.v1().events().inNamespace("default").list().getItems().stream()
                .filter(event -> "FailoverBegins".equals(event.getReason()))
                .findFirst()
                .orElseThrow()
                .getMessage();
        assertThat(why).as("what was seen before it led").containsPattern("for [3-9] s|for [1-9][0-9] s");
    }

    @Test
    void aPodThatTookTheNameOfAnotherIsNotDeleted() throws Hands.Failed {
        KubernetesHands hands = new KubernetesHands(client, List::of, NOBODY, Runnable::run);
        Hands.Victim before = hands.victims("n3").getFirst();
        client.pods()
                .inNamespace("default")
                .withName("pod-data")
                .withGracePeriod(0)
                .delete();
        Pod after = pod("pod-data", "data", "n1");
        hands.delete(before, true);
        Pod found = pod("pod-data");
        assertThat(found).isNotNull();
        assertThat(found == null ? "" : found.getMetadata().getUid())
                .isEqualTo(after.getMetadata().getUid());
    }
}
