package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;

/** The replica manager on a real API server; the test says what engines would. */
final class ReplicaManagerIT {
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");
    /** What its account may do: no more is needed. */
    private static final Path ACCESS = Path.of("..", "charts", "cairn", "templates", "access", "replica-manager.yaml");

    private static final Duration LONG = Duration.ofMinutes(3);
    private static final Rules RULES = new Rules(
            Duration.ofHours(1), Duration.ofSeconds(1), Duration.ofSeconds(3), Rules.DEFAULTS.rebalanceGapPercent(), 2);

    @TempDir
    Path folder;

    private ApiServer server;
    private KubernetesClient client;
    private KubernetesClient own;
    private ReplicaManager manager;

    @BeforeEach
    void start() throws IOException {
        server = ApiServer.start();
        server.define(DEFINITIONS);
        client = server.client();
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(Api.NAMESPACE)
                        .endMetadata()
                        .build())
                .create();
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder().withName("fast").build());
        pool.setSpec(new StoragePoolSpec(null, 3, null, null, null, null, null));
        client.resource(pool).create();
        for (int number = 1; number <= 4; number++) {
            node(number);
        }
        server.createFile(ACCESS);
        own = server.clientOf("cairn-replica-manager", "");
        manager = new ReplicaManager(own, RULES, new Figures());
        manager.start();
    }

    @AfterEach
    void stop() throws IOException {
        manager.close();
        own.close();
        client.close();
        server.close();
    }

    private static String disk(int number) {
        return new UUID(0, number).toString();
    }

    private void node(int number) {
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName("n" + number).build());
        node.setSpec(new StorageNodeSpec(number, null, null, null));
        client.resource(node).create();
        client.resource(new LeaseBuilder()
                        .withNewMetadata()
                        .withName(Api.LEASE_PREFIX + "n" + number)
                        .withNamespace(Api.NAMESPACE)
                        .endMetadata()
                        .withNewSpec()
                        .withHolderIdentity("n" + number)
                        .withRenewTime(ZonedDateTime.now(java.time.ZoneOffset.UTC))
                        .endSpec()
                        .build())
                .create();
        Disk disk = new Disk();
        disk.setMetadata(new ObjectMetaBuilder().withName(disk(number)).build());
        disk.setSpec(new DiskSpec("fast", null));
        client.resource(disk).create();
        say(number, DiskStatus.State.READY);
    }

    private void say(int number, DiskStatus.State state) {
        client.resources(Disk.class).withName(disk(number)).editStatus(disk -> {
            disk.setStatus(new DiskStatus(
                    state,
                    state == DiskStatus.State.FAILED ? "a write failed" : null,
                    "n" + number,
                    null,
                    null,
                    new Capacity(1L << 40, 1L << 40, 0L, null),
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null));
            return disk;
        });
    }

    private Volume volume(@Nullable String deleteRequest, String id) {
        Volume volume = new Volume();
        volume.setMetadata(new ObjectMetaBuilder().withName("data").build());
        volume.setSpec(
                new VolumeSpec(id, new Quantity("1Gi"), "fast", 3, null, null, null, null, deleteRequest, null, null));
        return volume;
    }

    private VolumeMembership await(String id, Predicate<VolumeMembership> wanted) {
        return Objects.requireNonNull(Awaitility.await("membership of " + id)
                .atMost(LONG)
                .until(
                        () -> client.resources(VolumeMembership.class)
                                .withName(id)
                                .get(),
                        found -> found != null && wanted.test(found)));
    }

    private void awaitStatus(Predicate<VolumeStatus> wanted) {
        Awaitility.await("status of the volume").atMost(LONG).until(() -> {
            Volume volume = client.resources(Volume.class).withName("data").get();
            return volume != null && volume.getStatus() != null && wanted.test(volume.getStatus());
        });
    }

    private List<Event> events(String reason) {
        return client.v1().events().inNamespace(Events.NAMESPACE).list().getItems().stream()
                .filter(event -> event.getReason().equals(reason)
                        && event.getInvolvedObject().getName().equals("data"))
                .toList();
    }

    @Test
    void aVolumeIsPlacedMovedOffAFailedDiskAndErasedOnRequestAlone() {
        String id = UUID.randomUUID().toString();
        client.resource(volume(null, id)).create();
        VolumeMembership first = await(id, found -> found.getSpec().inSync().size() == 3);
        awaitStatus(status -> status.phase() == VolumeStatus.Phase.READY);
        assertThat(client.resources(Volume.class)
                        .withName("data")
                        .get()
                        .getMetadata()
                        .getFinalizers())
                .contains(VolumePlan.FINALIZER);

        String failed = first.getSpec().inSync().getFirst();
        say(Integer.parseInt(failed.substring(failed.length() - 1)), DiskStatus.State.FAILED);
        VolumeMembership moved = await(
                id,
                found -> found.getMetadata().getAnnotations() != null
                        && found.getMetadata().getAnnotations().containsKey(Api.PLACEMENT));
        assertThat(String.valueOf(moved.getMetadata().getAnnotations().get(Api.PLACEMENT))
                        .split(","))
                .hasSize(3)
                .doesNotContain(failed);
        awaitStatus(status -> status.phase() == VolumeStatus.Phase.DEGRADED
                && status.reason() != null
                && status.reason().contains("a write failed"));
        // Once, however many sweeps see it so.
        Awaitility.await("the event")
                .atMost(LONG)
                .until(() -> !events("ReplicaAway").isEmpty());
        assertThat(events("ReplicaAway"))
                .hasSize(1)
                .allMatch(event -> event.getMessage().contains("a write failed"));
        assertThat(events("Placed")).hasSize(1);
        assertThat(manager.problem()).isEmpty();

        // Deleted without a request: the data stays, and the resource says how it would go.
        client.resources(Volume.class).withName("data").delete();
        awaitStatus(status -> status.reason() != null && status.reason().contains("cairn volume delete data"));
        client.resources(Volume.class).withName("data").edit(volume -> {
            volume.setSpec(volume(id, id).getSpec());
            return volume;
        });
        await(id, found -> found.getSpec().deleted());
        awaitGone();

        // One that is to be erased, and that nobody deleted: its resource goes all the same.
        String other = UUID.randomUUID().toString();
        client.resource(volume(other, other)).create();
        awaitGone();
    }

    private void awaitGone() {
        Awaitility.await("the resource to go")
                .atMost(LONG)
                .until(() -> client.resources(Volume.class).withName("data").get() == null);
    }

    @Test
    void aStoreThatWasRolledBackIsToldAndRecoveredInANewTerm() {
        String id = UUID.randomUUID().toString();
        client.resource(volume(null, id)).create();
        VolumeMembershipSpec stored =
                await(id, found -> found.getSpec().inSync().size() == 3).getSpec();
        VolumeMembershipSpec newest = new VolumeMembershipSpec(
                "data",
                1,
                9,
                UUID.randomUUID().toString(),
                null,
                stored.inSync().subList(0, 2),
                List.of(),
                List.of(new VolumeMembershipSpec.Stale(stored.inSync().get(2), 5)),
                2,
                stored.sizeBytes(),
                null,
                false,
                false,
                false);
        client.resources(VolumeMembership.class).withName(id).edit(membership -> {
            membership
                    .getMetadata()
                    .setAnnotations(Map.of(
                            Api.WITNESS_PREFIX + stored.inSync().getFirst(),
                            MembershipObjects.spec(newest).toString()));
            return membership;
        });
        awaitStatus(status -> status.phase() == VolumeStatus.Phase.UNAVAILABLE
                && status.reason() != null
                && status.reason().startsWith("StoreRolledBack"));
        client.resources(Volume.class).withName("data").edit(volume -> {
            volume.getMetadata().setAnnotations(Map.of(Api.RECOVER, Api.RECOVER_FROM_DISKS));
            return volume;
        });
        VolumeMembershipSpec recovered =
                await(id, found -> found.getSpec().storeTerm() == 2).getSpec();
        assertThat(recovered.epoch()).isEqualTo(10);
        assertThat(recovered.inSync()).isEqualTo(newest.inSync());
        awaitStatus(status -> status.phase() == VolumeStatus.Phase.DEGRADED);
        assertThat(new JsonMapper().valueToTree(recovered).path("outOfSync")).hasSize(1);
    }

    @Test
    void aProcessThatIsToldToEndStopsLeadingAndEndsInOrder() throws Exception {
        manager.close();
        Path kubeconfig = folder.resolve("kubeconfig");
        Files.writeString(kubeconfig, server.kubeconfig(server.port()));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "--kubeconfig",
                        kubeconfig.toString(),
                        "--listen",
                        "127.0.0.1:" + FreePorts.next())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile())
                .start();
        try {
            Awaitility.await("the process leads").atMost(LONG).until(() -> said().contains("this process leads"));
            process.destroy();
            assertThat(process.waitFor(LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as(said()).isZero();
            assertThat(said()).contains("this process leads no more");
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private String said() throws IOException {
        return Files.readString(folder.resolve("output"));
    }
}
