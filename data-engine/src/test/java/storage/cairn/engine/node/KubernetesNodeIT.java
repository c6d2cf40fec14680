package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StorageNodeStatus;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;

/** Engines that learn from a real API server who they are, which disks they have, and where volumes are wanted. */
final class KubernetesNodeIT {
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");
    private static final Duration LONG = Duration.ofMinutes(3);
    private static final int STALL_SECONDS = 120;
    private static final JsonMapper JSON = new JsonMapper();

    @TempDir
    Path folder;

    private ApiServer server;
    private KubernetesClient client;
    private final List<EngineProcess> engines = new ArrayList<>();

    @BeforeEach
    void start() throws IOException {
        server = ApiServer.start();
        server.define(DEFINITIONS);
        client = server.client();
        client.namespaces()
                .resource(new io.fabric8.kubernetes.api.model.NamespaceBuilder()
                        .withNewMetadata()
                        .withName("cairn-system")
                        .endMetadata()
                        .build())
                .create();
        Files.writeString(folder.resolve("kubeconfig"), server.kubeconfig(server.port()));
        Path secret = folder.resolve("secret");
        Files.writeString(secret, UUID.randomUUID().toString().replace("-", ""), StandardCharsets.US_ASCII);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        client.load(Files.newInputStream(cluster())).create();
    }

    @AfterEach
    void stop() throws IOException {
        engines.forEach(EngineProcess::close);
        if (System.getenv("CAIRN_TEST_LOGS") != null) {
            engines.forEach(engine -> System.out.println("--- " + engine.folder() + "\n" + engine.log()));
        }
        client.close();
        server.close();
    }

    /** All nodes are on this machine and see the same files, of which one has a filesystem on it. */
    private Path cluster() throws IOException {
        Path foreign = folder.resolve("foreign");
        byte[] content = new byte[16 << 20];
        System.arraycopy("XFSB".getBytes(StandardCharsets.US_ASCII), 0, content, 0, 4);
        Files.write(foreign, content);
        Path file = folder.resolve("cluster.yaml");
        Files.writeString(file, """
                apiVersion: cairn.storage/v1alpha1
                kind: StorageCluster
                metadata: {name: cairn}
                spec:
                  clusterId: %1$s
                  disks:
                    devices: ["/dev/cairn-no-such-*"]
                    files:
                    - {path: %2$s/foreign, size: 512Mi}
                    - {path: %2$s/disk-1, size: 512Mi}
                    - {path: %2$s/disk-2, size: 512Mi}
                    - {path: %2$s/disk-3, size: 512Mi}
                    - {path: %2$s/copy, size: 512Mi}
                """.formatted(UUID.randomUUID(), folder));
        return file;
    }

    /** The engine of a node, whose folder is made; its disk file is named in the StorageCluster. */
    private EngineProcess launch(int number) throws IOException {
        Path own = Files.createDirectories(folder.resolve("node-" + number));
        JSON.writeValue(
                own.resolve("engine.json").toFile(),
                Map.of(
                        "dataDir", own.toString(),
                        "secretFile", folder.resolve("secret").toString(),
                        "configStore", "kubernetes",
                        "kubeconfig", folder.resolve("kubeconfig").toString(),
                        "kubernetes",
                                Map.of(
                                        "nodeName",
                                        "node" + number,
                                        "host",
                                        "127.0.0.1",
                                        "peerPort",
                                        FreePorts.next(),
                                        "metricsPort",
                                        0)));
        EngineProcess engine = new EngineProcess(number, own, own.resolve("control.sock"), List.of());
        engine.launch();
        engines.add(engine);
        return engine;
    }

    private void admitNode(int number) {
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName("node" + number).build());
        node.setSpec(new StorageNodeSpec(number, null, null, null));
        client.resource(node).create();
    }

    private @Nullable Disk disk(String node, Path path) {
        for (Disk disk : client.resources(Disk.class).list().getItems()) {
            DiskStatus status = disk.getStatus();
            if (status != null && node.equals(status.node()) && path.toString().equals(status.path())) {
                return disk;
            }
        }
        return null;
    }

    private Disk await(String node, Path path, Predicate<DiskStatus> wanted) {
        return Awaitility.await(path + " of " + node)
                .atMost(LONG)
                .until(() -> disk(node, path), disk -> disk != null && wanted.test(disk.getStatus()));
    }

    private void admit(int number) {
        Path path = folder.resolve("disk-" + number);
        Disk found = await("node" + number, path, status -> status.state() == DiskStatus.State.DISCOVERED);
        client.resources(Disk.class).withName(found.getMetadata().getName()).edit(disk -> {
            disk.setSpec(new DiskSpec("fast", null));
            return disk;
        });
        await("node" + number, path, status -> status.state() == DiskStatus.State.READY);
    }

    private void awaitRemark(String node, String text) {
        Awaitility.await(node + " to say " + text)
                .atMost(LONG)
                .untilAsserted(() -> assertThat(client.resources(StorageNode.class)
                                .withName(node)
                                .get()
                                .getStatus()
                                .conditions())
                        .extracting(Condition::getMessage)
                        .anySatisfy(message -> assertThat(message).contains(text)));
    }

    @Test
    void enginesJoinTakeTheirDisksAndBringAVolumeWhereItIsWanted() throws IOException {
        EngineProcess first = launch(1);
        admitNode(1);
        first.awaitReady();
        Disk foreign = await("node1", folder.resolve("foreign"), status -> status.state() == DiskStatus.State.FAILED);
        assertThat(foreign.getStatus().reason()).contains("xfs").contains("wipe");
        admit(1);
        admitNode(2);
        launch(2).awaitReady();
        admit(2);
        first.createVolume(CreateVolumeRequest.newBuilder()
                .setName("data")
                .setSizeBytes(64L << 20)
                .setReplicas(2)
                .build());

        StorageNodeStatus node = Awaitility.await()
                .atMost(LONG)
                .until(
                        () -> client.resources(StorageNode.class)
                                .withName("node1")
                                .get()
                                .getStatus(),
                        status -> status != null && status.disks() != null && status.disks() == 1);
        assertThat(node.ioMode()).isIn("io_uring", "pool");
        assertThat(node.address()).startsWith("127.0.0.1:");
        assertThat(node.attachStrategy()).isNotBlank();
        assertThat(client.leases()
                        .inNamespace("cairn-system")
                        .withName("engine-node1")
                        .get()
                        .getSpec())
                .matches(spec -> spec.getHolderIdentity().equals("node1") && spec.getRenewTime() != null);

        // A third node joins while the others run, and the volume is wanted on its disk in place of node 2's.
        admitNode(3);
        launch(3).awaitReady();
        admit(3);
        String one = await("node1", folder.resolve("disk-1"), status -> true)
                .getMetadata()
                .getName();
        String three = await("node3", folder.resolve("disk-3"), status -> true)
                .getMetadata()
                .getName();
        VolumeMembership membership =
                client.resources(VolumeMembership.class).list().getItems().getFirst();
        client.resources(VolumeMembership.class)
                .withName(membership.getMetadata().getName())
                .edit(object -> {
                    object.getMetadata().setAnnotations(Map.of("cairn.storage/placement", one + "," + three));
                    return object;
                });
        Awaitility.await("the volume on nodes 1 and 3").atMost(LONG).untilAsserted(() -> {
            var spec = client.resources(VolumeMembership.class)
                    .withName(membership.getMetadata().getName())
                    .get()
                    .getSpec();
            assertThat(spec.inSync()).containsExactlyInAnyOrder(one, three);
            assertThat(spec.outOfSync()).isEmpty();
            assertThat(spec.owner()).isNull();
        });

        // A copy of a disk that is served turns up, and both nodes see it.
        Files.copy(folder.resolve("disk-1"), folder.resolve("copy"));
        awaitRemark("node1", folder + "/copy carries the label of disk " + one + ", which is served from");
        awaitRemark("node2", folder + "/copy carries the label of disk " + one + ", which the engine of node1 serves");
        assertThat(await("node1", folder.resolve("disk-1"), status -> true).getStatus())
                .matches(status -> status.state() == DiskStatus.State.READY);

        // A disk that was on a node and is not there any more.
        String lost = new UUID(7, 7).toString();
        Disk gone = new Disk();
        gone.setMetadata(new ObjectMetaBuilder().withName(lost).build());
        gone.setSpec(new DiskSpec("fast", null));
        client.resource(gone).create();
        client.resources(Disk.class).withName(lost).editStatus(disk -> {
            disk.setStatus(JSON.convertValue(Map.of("state", "Ready", "node", "node2"), DiskStatus.class));
            return disk;
        });
        Awaitility.await("the lost disk")
                .atMost(LONG)
                .until(
                        () -> client.resources(Disk.class).withName(lost).get().getStatus(),
                        status -> status.state() == DiskStatus.State.FAILED
                                && String.valueOf(status.reason()).contains("not among the disks"));
    }

    /** Two copies, both in sync: a write needs both of them until the loss of one is on record, which nobody can put there. */
    @Test
    void anEngineThatDiesWhileTheApiServerIsAwayIsBackWithItsDisksAndWritesGoOn() throws Exception {
        NbdTools.require();
        for (int number = 1; number <= 2; number++) {
            admitNode(number);
            launch(number).awaitReady();
            admit(number);
        }
        EngineProcess owner = engines.getFirst();
        EngineProcess other = engines.getLast();
        owner.createVolume(CreateVolumeRequest.newBuilder()
                .setName("data")
                .setSizeBytes(64L << 20)
                .setReplicas(2)
                .build());
        String export = owner.control()
                .serveVolume(ServeVolumeRequest.newBuilder().setName("data").build())
                .getExportName();
        String uri = "nbd+unix:///" + export + "?socket=" + owner.folder().resolve("nbd.sock");
        try (Tool writer = NbdTools.ackedWriter(folder, List.of(uri), 5, 4_096, STALL_SECONDS)) {
            Awaitility.await().atMost(LONG).until(() -> writer.said().contains("writing"));
            server.killApiServer();
            other.kill();
            other.start();
            assertThat(writer.succeed(LONG)).contains("verified").doesNotContain("failed");
        }
        assertThat(other.log()).contains("JoinedFromMemory");
        server.startApiServer();
        Awaitility.await("what is served was confirmed")
                .atMost(LONG)
                .until(() -> other.log().contains("MemoryConfirmed"));

        // What is remembered is the machine's no more: this node was replaced by another one of its name.
        server.killApiServer();
        other.kill();
        Path memory = other.folder().resolve("kubernetes.json");
        Files.writeString(memory, Files.readString(memory).replace("\"number\":2", "\"number\":7"));
        other.start();
        server.startApiServer();
        assertThat(other.awaitEnd(LONG)).isEqualTo(FatalStop.EXIT_CODE);
        assertThat(other.said()).contains("was node 7, and is node 2 now");
    }
}
