package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.csi.spec.CapacityRange;
import storage.cairn.csi.spec.ControllerExpandVolumeRequest;
import storage.cairn.csi.spec.ControllerGrpc;
import storage.cairn.csi.spec.CreateVolumeRequest;
import storage.cairn.csi.spec.DeleteVolumeRequest;
import storage.cairn.csi.spec.NodeExpandVolumeRequest;
import storage.cairn.csi.spec.NodeGrpc;
import storage.cairn.csi.spec.NodeStageVolumeRequest;
import storage.cairn.csi.spec.NodeUnstageVolumeRequest;
import storage.cairn.csi.spec.VolumeCapability;

/** What happens to volumes that are staged: processes are killed, they grow, other nodes want them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class StagedVolumeIT {
    private static final long MIB = 1 << 20;
    private static final long SMALL = 64 * MIB;
    /** Of a call that is to succeed. */
    private static final int PATIENCE_SECONDS = 240;

    private static final Duration LONG = Duration.ofMinutes(4);

    private Path folder;
    private TestCluster cluster;
    private ManagedChannel first;
    private ManagedChannel second;

    @BeforeAll
    void start(@TempDir Path given) throws IOException {
        folder = given;
        SystemTools.requireAttach();
        cluster = new TestCluster(folder, 3);
        first = connect(cluster.startDriver(1, true));
        second = connect(cluster.startDriver(2, false));
    }

    @AfterAll
    void end() throws IOException {
        if (cluster != null) {
            SystemTools.keepLogs(folder);
            first.shutdownNow();
            second.shutdownNow();
            cluster.close();
            assertThat(SystemTools.loopDevicesBelow(folder)).isEmpty();
        }
    }

    private static ManagedChannel connect(Path socket) {
        return NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .eventLoopGroup(new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()))
                .channelType(NioDomainSocketChannel.class)
                .overrideAuthority("localhost")
                .usePlaintext()
                .build();
    }

    private static VolumeCapability capability(String filesystem) {
        VolumeCapability.Builder builder = VolumeCapability.newBuilder()
                .setAccessMode(VolumeCapability.AccessMode.newBuilder()
                        .setMode(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER));
        return filesystem.isEmpty()
                ? builder.setBlock(VolumeCapability.BlockVolume.getDefaultInstance())
                        .build()
                : builder.setMount(VolumeCapability.MountVolume.newBuilder().setFsType(filesystem))
                        .build();
    }

    private ControllerGrpc.ControllerBlockingStub controller() {
        return ControllerGrpc.newBlockingStub(first)
                .withWaitForReady()
                .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private String create(String name, long sizeBytes, String filesystem) {
        cluster.awaitDisks();
        return controller()
                .createVolume(CreateVolumeRequest.newBuilder()
                        .setName(name)
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(sizeBytes))
                        .addVolumeCapabilities(capability(filesystem))
                        .putAllParameters(Map.of("restoreWindowSeconds", "0"))
                        .build())
                .getVolume()
                .getVolumeId();
    }

    private void delete(String id) {
        var unused = controller()
                .deleteVolume(DeleteVolumeRequest.newBuilder().setVolumeId(id).build());
    }

    private Path path(String id, int node) {
        return folder.resolve("staging-" + node).resolve(id.substring(0, 8));
    }

    private NodeGrpc.NodeBlockingStub driver(int node, int seconds) {
        return NodeGrpc.newBlockingStub(node == 1 ? first : second)
                .withWaitForReady()
                .withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    private void stage(String id, int node, String filesystem, int seconds) {
        var unused = driver(node, seconds)
                .nodeStageVolume(NodeStageVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(path(id, node).toString())
                        .setVolumeCapability(capability(filesystem))
                        .build());
    }

    private void unstage(String id, int node) {
        var unused = driver(node, PATIENCE_SECONDS)
                .nodeUnstageVolume(NodeUnstageVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setStagingTargetPath(path(id, node).toString())
                        .build());
    }

    private void assertRefused(Runnable call, String says) {
        assertThatThrownBy(call::run)
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION))
                .hasMessageContaining(says);
    }

    /** A refusal that comes when its caller has given up is not heard: the next one is. */
    private void awaitRefused(Runnable call) {
        Awaitility.await().until(() -> refusal(call), code -> code == Status.Code.FAILED_PRECONDITION);
    }

    private static Status.Code refusal(Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException e) {
            return e.getStatus().getCode();
        }
        throw new AssertionError("not refused");
    }

    private String device(String id, int node) {
        return cluster.attachments(node).find(id).orElseThrow().device();
    }

    private VolumeMembership membership(String id) {
        return cluster.client().resources(VolumeMembership.class).withName(id).get();
    }

    @Test
    void dataStaysAndWritesGoOnWhileDriverAndEngineEnd() throws Exception {
        String id = create("writes", SMALL, "ext4");
        stage(id, 1, "ext4", PATIENCE_SECONDS);
        try (DurableWrites writes = new DurableWrites(path(id, 1).resolve("records"))) {
            writes.awaitMore();
            // The device goes on without the driver, and the next process knows it.
            cluster.kill(TestCluster.driver(1));
            writes.awaitMore();
            var unused = cluster.startDriver(1, true);
            stage(id, 1, "ext4", PATIENCE_SECONDS);
            assertThat(MountTable.read().countAt(path(id, 1))).isEqualTo(1);
            cluster.kill("engine-1");
            cluster.startEngine(1);
            writes.awaitMore();
            // An engine that ends in order hands the volume to another node, and the driver brings it back.
            cluster.end("engine-1");
            cluster.startEngine(1);
            writes.awaitMore();
            Awaitility.await("the volume is served where its device is")
                    .atMost(LONG)
                    .until(() -> {
                        var owner = membership(id).getSpec().owner();
                        return owner != null && owner.node() == 1;
                    });
            writes.awaitMore();
        }
        unstage(id, 1);
        stage(id, 2, "ext4", PATIENCE_SECONDS);
        DurableWrites.assertWhole(path(id, 2).resolve("records"));
        unstage(id, 2);
        delete(id);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs"})
    void aMountedFilesystemGrows(String filesystem) throws IOException {
        SystemTools.requireGrowing(filesystem);
        long before = 320 * MIB;
        String id = create("grows-" + filesystem, before, filesystem);
        stage(id, 1, filesystem, PATIENCE_SECONDS);
        Files.writeString(path(id, 1).resolve("file"), filesystem);
        long spaceBefore = Files.getFileStore(path(id, 1)).getTotalSpace();
        long grown = controller()
                .controllerExpandVolume(ControllerExpandVolumeRequest.newBuilder()
                        .setVolumeId(id)
                        .setCapacityRange(CapacityRange.newBuilder().setRequiredBytes(before + 64 * MIB))
                        .build())
                .getCapacityBytes();
        assertThat(driver(1, PATIENCE_SECONDS)
                        .nodeExpandVolume(NodeExpandVolumeRequest.newBuilder()
                                .setVolumeId(id)
                                .setVolumePath(path(id, 1).toString())
                                .build())
                        .getCapacityBytes())
                .isEqualTo(grown);
        assertThat(Files.getFileStore(path(id, 1)).getTotalSpace()).isGreaterThan(spaceBefore + 48 * MIB);
        assertThat(path(id, 1).resolve("file")).hasContent(filesystem);
        unstage(id, 1);
        delete(id);
    }

    @Test
    void ofTwoNodesOneWaitsAndGetsItOnceItIsFree() {
        String id = create("wanted", SMALL, "");
        stage(id, 1, "", PATIENCE_SECONDS);
        awaitRefused(() -> stage(id, 2, "", 8));
        assertRefused(() -> delete(id), "in use");
        unstage(id, 1);
        stage(id, 2, "", PATIENCE_SECONDS);
        unstage(id, 2);
        delete(id);
    }

    @Test
    void aDeadMountIsStagedAnew() throws IOException {
        String id = create("dead", SMALL, "ext4");
        stage(id, 1, "ext4", PATIENCE_SECONDS);
        Files.writeString(path(id, 1).resolve("file"), "stays");
        Commands.must("sync", "-f", path(id, 1).toString());
        long relay = cluster.attachments(1).find(id).orElseThrow().relayPid();
        ProcessHandle.of(relay).orElseThrow().destroyForcibly();
        Awaitility.await("the device is dead")
                .atMost(LONG)
                .until(() -> cluster.attachments(1).find(id).isEmpty());
        stage(id, 1, "ext4", PATIENCE_SECONDS);
        assertThat(path(id, 1).resolve("file")).hasContent("stays");
        assertThat(MountTable.read().countAt(path(id, 1))).isEqualTo(1);
        unstage(id, 1);
        delete(id);
    }

    /** Its old device is refused for ever, and the node says that it is clean when nothing is left of it. */
    @Test
    void aNodeThatComesBackHasLostWhatOthersTookOver() throws IOException {
        String id = create("taken", SMALL, "ext4");
        stage(id, 1, "ext4", PATIENCE_SECONDS);
        Files.writeString(path(id, 1).resolve("file"), "old");
        Commands.must("sync", "-f", path(id, 1).toString());
        String device = device(id, 1);
        cluster.kill(TestCluster.driver(1));
        cluster.kill("engine-1");
        stage(id, 2, "ext4", PATIENCE_SECONDS);
        Files.writeString(path(id, 2).resolve("file"), "new");
        Commands.must("sync", "-f", path(id, 2).toString());

        cluster.startEngine(1);
        Awaitility.await("the old device answers with errors")
                .atMost(LONG)
                .until(() -> !Commands.run("dd", "if=/dev/zero", "of=" + device, "bs=4096", "count=1", "oflag=direct")
                        .ok());
        cluster.client()
                .resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(TestCluster.node(1))
                        .endMetadata()
                        .withNewSpec()
                        .addNewTaint()
                        .withKey(Api.FAILED_TAINT)
                        .withValue("17")
                        .withEffect("NoSchedule")
                        .endTaint()
                        .endSpec()
                        .build())
                .create();
        var unused = cluster.startDriver(1, true);
        Awaitility.await("node 1 is clean").atMost(LONG).until(() -> {
            Map<String, String> said = cluster.client()
                    .resources(StorageNode.class)
                    .withName(TestCluster.node(1))
                    .get()
                    .getMetadata()
                    .getAnnotations();
            return said != null && "17".equals(said.get(Api.CLEANED));
        });
        assertThat(MountTable.read().at(path(id, 1))).isEmpty();
        assertThat(cluster.attachments(1).volumes()).doesNotContain(id);
        assertThat(path(id, 2).resolve("file")).hasContent("new");
        unstage(id, 1);
        unstage(id, 2);
        delete(id);
    }

    @Test
    void aFilesystemIsMadeOnceAndMendedOnlyAsFarAsItIsSafe() throws IOException {
        String id = create("guarded", SMALL, "ext4");
        stage(id, 1, "ext4", PATIENCE_SECONDS);
        Files.writeString(path(id, 1).resolve("file"), "stays");
        unstage(id, 1);
        assertRefused(() -> stage(id, 1, "xfs", PATIENCE_SECONDS), "it holds ext4");

        stage(id, 1, "", PATIENCE_SECONDS);
        Commands.must("debugfs", "-w", "-R", "clri <2>", device(id, 1));
        Commands.must("debugfs", "-w", "-R", "ssv state 2", device(id, 1));
        unstage(id, 1);
        assertRefused(() -> stage(id, 1, "ext4", PATIENCE_SECONDS), "errors that are not mended");

        stage(id, 1, "", PATIENCE_SECONDS);
        Commands.must("dd", "if=/dev/zero", "of=" + device(id, 1), "bs=1M", "count=1", "oflag=direct");
        unstage(id, 1);
        assertRefused(() -> stage(id, 1, "ext4", PATIENCE_SECONDS), "it was given a filesystem before");
        unstage(id, 1);
        delete(id);
    }
}
