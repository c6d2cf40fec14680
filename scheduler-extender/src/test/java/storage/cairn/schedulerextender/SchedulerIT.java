package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;
import storage.cairn.testing.KubeScheduler;

/**
 * The extender and its webhook, asked by a real kube-scheduler and a real API server, with the configuration that the
 * operator gives them. There are no kubelets: where a pod was put is what counts.
 */
final class SchedulerIT {
    private static final Path TEMPLATES = Path.of("..", "charts", "cairn", "templates");
    private static final Path CONFIGURATION =
            Path.of("..", "operator", "src", "main", "resources", "storage", "cairn", "operator", "scheduler.yaml");
    private static final Duration LONG = Duration.ofMinutes(3);
    private static final int NODES = 6;

    private static final ScheduledExecutorService ENGINES = Executors.newSingleThreadScheduledExecutor();
    private static ApiServer server;
    private static KubernetesClient client;
    private static KubernetesClient own;
    private static Cluster cluster;
    private int port;
    private int webhookPort;
    private @Nullable SchedulerExtender extender;
    private @Nullable KubeScheduler scheduler;

    @BeforeAll
    static void start() throws IOException {
        server = ApiServer.start();
        server.define(TEMPLATES.resolve("crds"));
        client = server.client();
        cluster = new Cluster(client);
        server.createFile(TEMPLATES.resolve("access").resolve("scheduler.yaml"));
        own = server.clientOf("cairn-scheduler", "");
        for (int number = 1; number <= NODES; number++) {
            cluster.node(30);
        }
        var _ = ENGINES.scheduleWithFixedDelay(cluster::heard, 5, 5, TimeUnit.SECONDS);
    }

    @AfterAll
    static void stop() throws IOException {
        ENGINES.shutdownNow();
        own.close();
        client.close();
        server.close();
    }

    @BeforeEach
    void choosePorts() throws IOException {
        port = FreePorts.next();
        webhookPort = FreePorts.next();
    }

    /** What the next test finds: no pods, nodes and disks that are empty, and nobody who leads. */
    @AfterEach
    void tidy() throws IOException {
        if (scheduler != null) {
            scheduler.close();
        }
        if (extender != null) {
            extender.close();
        }
        client.leases().inNamespace(Api.NAMESPACE).withName(Routing.SCHEDULER).delete();
        client.pods().inAnyNamespace().withGracePeriod(0).delete();
        pods("n1", 30);
        evacuate("n3", false);
        for (int number = 1; number <= NODES; number++) {
            cluster.diskUsed(number, 0);
        }
    }

    private static void pods(String node, int most) {
        client.nodes().withName(node).editStatus(each -> {
            Map<String, Quantity> room = new HashMap<>(each.getStatus().getAllocatable());
            room.put("pods", new Quantity(Integer.toString(most)));
            each.getStatus().setAllocatable(room);
            return each;
        });
    }

    private static InetSocketAddress local(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    private void startExtender() throws Exception {
        extender = new SchedulerExtender(
                own,
                new SchedulerExtender.Settings(
                        local(port),
                        local(webhookPort),
                        local(0),
                        Routing.Mode.scheduler,
                        "https://localhost:" + webhookPort + "/pods",
                        ""));
        assertThat(extender.start(new CountDownLatch(1))).isTrue();
    }

    private void startScheduler() throws IOException {
        scheduler = KubeScheduler.start(
                server, Files.readString(CONFIGURATION).replace("127.0.0.1:7490", "127.0.0.1:" + port));
    }

    private String awaitPlace(String pod) {
        Awaitility.await("a node for pod " + pod)
                .atMost(LONG)
                .untilAsserted(() -> assertThat(cluster.placeOf(pod))
                        .as("%s; kube-scheduler: %s", cluster.condition(pod), schedulerSaid())
                        .isNotEmpty());
        return cluster.placeOf(pod);
    }

    private String schedulerSaid() {
        String log = scheduler == null ? "" : scheduler.log();
        return log.substring(Math.max(0, log.length() - 3_000));
    }

    @Test
    void thirtyPodsOfThirtyAreBesideTheirDataAndOneIsElsewhereOnlyWhenThereIsNoRoom() throws Exception {
        for (int pod = 0; pod < 30; pod++) {
            int first = pod % NODES + 1;
            cluster.volume("data-" + pod, Locality.PREFERRED, first, first % NODES + 1);
        }
        startExtender();
        startScheduler();
        for (int pod = 0; pod < 30; pod++) {
            cluster.pod("pod-" + pod, Routing.SCHEDULER, "data-" + pod);
        }
        int local = 0;
        for (int pod = 0; pod < 30; pod++) {
            int first = pod % NODES + 1;
            String place = awaitPlace("pod-" + pod);
            local += place.equals("n" + first) || place.equals("n" + (first % NODES + 1)) ? 1 : 0;
        }
        assertThat(local).as("pods beside their data, of 30").isEqualTo(30);

        // A full node: its pods go on elsewhere, since their locality is preferred and not required.
        cluster.volume("only-n1", Locality.PREFERRED, 1);
        cluster.volume("n1-and-n2", Locality.PREFERRED, 1, 2);
        cluster.volume("n1-or-nowhere", Locality.REQUIRED, 1);
        pods("n1", 0);
        awaitRefused("n1-or-nowhere");
        cluster.pod("remote", Routing.SCHEDULER, "only-n1");
        cluster.pod("second", Routing.SCHEDULER, "n1-and-n2");
        assertThat(awaitPlace("remote")).isNotEqualTo("n1");
        assertThat(awaitPlace("second")).isEqualTo("n2");
    }

    /** Until both schedulers have heard why no pod can use this claim; those that come before take a place. */
    private void awaitRefused(String claim) {
        AtomicInteger turn = new AtomicInteger();
        Awaitility.await("a pod with " + claim + " is refused").atMost(LONG).until(() -> {
            String name = claim + "-" + turn.get();
            if (client.pods().inNamespace("default").withName(name).get() == null) {
                cluster.pod(name, Routing.SCHEDULER, claim);
            } else if (!cluster.placeOf(name).isEmpty()) {
                turn.incrementAndGet();
            }
            return !cluster.condition(name).isEmpty() && cluster.placeOf(name).isEmpty();
        });
    }

    @Test
    void aPodThatMustBeBesideItsDataWaitsSaysWhyAndIsWokenWhenItCan() throws Exception {
        String id = cluster.volume("strict", Locality.REQUIRED, 3);
        evacuate("n3", true);
        startExtender();
        startScheduler();
        cluster.pod("waits", Routing.SCHEDULER, "strict");
        Awaitility.await("a reason")
                .atMost(LONG)
                .until(() -> cluster.events("waits"), text -> text.contains("locality required"));
        assertThat(cluster.condition("waits"))
                .contains("5 claim strict wants its pod beside its data (locality required), which is on n3")
                .contains("1 the node is being evacuated of Cairn's volumes");
        assertThat(cluster.placeOf("waits")).isEmpty();

        // No core object changes: kube-scheduler would not look again for five minutes.
        client.resources(VolumeMembership.class).withName(id).edit(membership -> {
            VolumeMembershipSpec spec = membership.getSpec();
            membership.setSpec(new VolumeMembershipSpec(
                    spec.name(),
                    1,
                    2,
                    java.util.UUID.randomUUID().toString(),
                    null,
                    java.util.List.of(Cluster.disk(3), Cluster.disk(5)),
                    spec.syncing(),
                    spec.outOfSync(),
                    1,
                    spec.sizeBytes(),
                    null,
                    false,
                    false,
                    false));
            return membership;
        });
        assertThat(awaitPlace("waits")).isEqualTo("n5");
    }

    private static void evacuate(String node, boolean leave) {
        client.resources(StorageNode.class).withName(node).edit(each -> {
            each.setSpec(new StorageNodeSpec(each.getSpec().number(), null, leave, null));
            return each;
        });
    }

    @Test
    void aClaimThatWaitsForItsPodGoesWhereThePoolHasRoom() throws Exception {
        for (int number : new int[] {1, 2, 3, 6}) {
            cluster.diskUsed(number, 1L << 40);
        }
        startExtender();
        startScheduler();
        cluster.claim("fresh", "");
        cluster.pod("first", Routing.SCHEDULER, "fresh");
        String selected = Awaitility.await("the claim's node")
                .atMost(LONG)
                .until(() -> selectedNode("fresh"), node -> !node.isEmpty());
        assertThat(selected).isIn("n4", "n5");

        // One node with room is too few for two replicas: the pod's events say so. A pod that is decided on before the
        // extender has heard of it still gets a node, and another one takes its turn.
        cluster.diskUsed(selected.equals("n4") ? 5 : 4, 1L << 40);
        AtomicInteger turn = new AtomicInteger();
        Awaitility.await("the reason").atMost(LONG).until(() -> {
            String name = "second-" + turn.get();
            if (client.pods().inNamespace("default").withName(name).get() == null) {
                cluster.claim(name, "");
                cluster.pod(name, Routing.SCHEDULER, name);
            } else if (!selectedNode(name).isEmpty()) {
                turn.incrementAndGet();
            }
            return cluster.condition(name)
                    .contains("6 claim " + name + ": pool 'fast' has room for 1073741824 bytes in 1 nodes, its replicas"
                            + " need 2");
        });
    }

    private static String selectedNode(String claim) {
        Map<String, String> annotations = client.persistentVolumeClaims()
                .inNamespace("default")
                .withName(claim)
                .get()
                .getMetadata()
                .getAnnotations();
        return annotations == null ? "" : annotations.getOrDefault(Claims.SELECTED_NODE, "");
    }

    @Test
    void podsAreScheduledWithoutTheExtenderToo() throws Exception {
        startScheduler();
        cluster.volume("data", Locality.PREFERRED, 2);
        cluster.pod("anywhere", Routing.SCHEDULER, "data");
        awaitPlace("anywhere");
        // And beside its data once it is there: nothing has to be restarted.
        cluster.volume("more", Locality.PREFERRED, 2);
        startExtender();
        cluster.pod("local", Routing.SCHEDULER, "more");
        assertThat(awaitPlace("local")).isEqualTo("n2");
    }

    private String schedulerOf(String namespace, String pod) {
        return client.pods()
                .inNamespace(namespace)
                .withName(pod)
                .get()
                .getSpec()
                .getSchedulerName();
    }

    @Test
    void podsWithOurVolumesAreSentToTheSchedulerWhileItServes() throws Exception {
        cluster.volume("a", Locality.PREFERRED, 2);
        startExtender();
        Awaitility.await("the webhook's registration")
                .atMost(LONG)
                .until(() -> client.admissionRegistration()
                                .v1()
                                .mutatingWebhookConfigurations()
                                .withName(Registration.CONFIGURATION)
                                .get()
                        != null);
        cluster.pod("while-down", "", "a");
        assertThat(schedulerOf("default", "while-down"))
                .as("the scheduler does not run")
                .isEqualTo("default-scheduler");

        startScheduler();
        Awaitility.await("pods are sent to the scheduler").atMost(LONG).until(() -> {
            client.pods()
                    .inNamespace("default")
                    .withName("routed")
                    .withGracePeriod(0)
                    .delete();
            cluster.pod("routed", "", "a");
            return Routing.SCHEDULER.equals(schedulerOf("default", "routed"));
        });
        assertThat(awaitPlace("routed")).isEqualTo("n2");
        cluster.pod("named", "other-scheduler", "a");
        assertThat(schedulerOf("default", "named")).isEqualTo("other-scheduler");
        cluster.pod("without", "");
        assertThat(schedulerOf("default", "without")).isEqualTo("default-scheduler");

        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName("own")
                        .withLabels(Map.of(Registration.OPT_OUT, "disabled"))
                        .endMetadata()
                        .build())
                .create();
        var pod = cluster.pod("template", "", "a");
        pod.setMetadata(new io.fabric8.kubernetes.api.model.ObjectMetaBuilder()
                .withName("kept")
                .withNamespace("own")
                .build());
        pod.setSpec(new io.fabric8.kubernetes.api.model.PodSpecBuilder(pod.getSpec())
                .withSchedulerName(null)
                .withNodeName(null)
                .build());
        pod.setStatus(null);
        client.resource(pod).create();
        assertThat(schedulerOf("own", "kept")).isEqualTo("default-scheduler");

        java.util.Objects.requireNonNull(scheduler).close();
        scheduler = null;
        Awaitility.await("pods are left alone again").atMost(LONG).until(() -> {
            client.pods()
                    .inNamespace("default")
                    .withName("after")
                    .withGracePeriod(0)
                    .delete();
            cluster.pod("after", "", "a");
            return "default-scheduler".equals(schedulerOf("default", "after"));
        });
        assertThat(client.secrets()
                        .inNamespace(Api.NAMESPACE)
                        .withName(Registration.SECRET)
                        .get()
                        .getData())
                .hasSize(2);
    }
}
