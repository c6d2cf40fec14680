package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeRequest;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.GetStatusRequest;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.ListVolumesRequest;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.ShutdownRequest;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.api.v1alpha1.WatchStatusRequest;
import storage.cairn.engine.protocol.Frames;

/** One engine process and its surroundings: configuration, disks, control service, metrics, and how it ends. */
final class EngineIT {
    private static final long DISK_BYTES = 256L << 20;
    private static final Duration SOON = Duration.ofMinutes(3);

    @TempDir
    Path folder;

    @BeforeAll
    static void tools() {
        NbdTools.require();
    }

    private LocalCluster one(long diskBytes) throws Exception {
        return LocalCluster.lay(folder, 1, diskBytes, "auto");
    }

    private static NodeStatus status(LocalCluster cluster) {
        return cluster.engine(1).control().getStatus(GetStatusRequest.getDefaultInstance());
    }

    private static String get(LocalCluster cluster, String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(
                            HttpRequest.newBuilder(URI.create(
                                            "http://" + cluster.node(1).metricsAddress() + path))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
        }
    }

    @Test
    void tellsItsStatusItsHealthAndItsFigures() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES).start()) {
            NodeStatus status = status(cluster);
            assertThat(status.getNode()).isEqualTo(1);
            assertThat(status.getIoMode()).isIn("io_uring", "pool");
            assertThat(status.getDisksList()).singleElement().satisfies(disk -> {
                assertThat(disk.getState()).as(disk.getReason()).isEqualTo("Ready");
                assertThat(disk.getCapacityBytes()).isPositive();
                assertThat(disk.getKind()).isEqualTo("file");
                assertThat(disk.getCapacityBytes() - disk.getUsedBytes()).isPositive();
            });
            assertThat(status.getResidentBytes()).isPositive();
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(
                            Path.of(cluster.node(1).controlSocket()))))
                    .isEqualTo("rw-------");
            cluster.create("data", 16 << 20, 1);
            String export = cluster.serve(1, "data");
            NbdTools.shell(folder, cluster.uri(1, export), "h.pwrite(b'x' * 4096, 0); h.pread(4096, 0)");
            assertThat(get(cluster, "/healthz")).isEqualTo("ok\n");
            assertThat(get(cluster, "/readyz")).isEqualTo("ok\n");
            assertThat(get(cluster, "/metrics"))
                    .contains("cairn_volume_operations_total{operation=\"write\",volume=\"data\"} 1.0")
                    .contains("cairn_volume_latency_seconds{operation=\"write\",quantile=\"0.99\",volume=\"data\"}")
                    .contains("cairn_volume_in_sync_replicas{volume=\"data\"} 1.0")
                    .contains("cairn_disk_operations_total{")
                    .contains("jvm_memory_used_bytes{");
        }
    }

    @Test
    void aWatchHearsOfAChange() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES).start()) {
            Iterator<NodeStatus> watch = cluster.engine(1)
                    .control()
                    .watchStatus(WatchStatusRequest.newBuilder()
                            .setIntervalMillis(100)
                            .build());
            assertThat(watch.next().getVolumesList()).isEmpty();
            cluster.create("data", 16 << 20, 1);
            NodeStatus heard = watch.next();
            while (heard.getVolumesCount() == 0) {
                heard = watch.next();
            }
            assertThat(heard.getVolumes(0).getName()).isEqualTo("data");
        }
    }

    @Test
    void badRequestsAreRefusedWithTheirStatus() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES).start()) {
            cluster.create("data", 16 << 20, 1);
            assertRefused(cluster, Status.Code.INVALID_ARGUMENT, request("No", 16 << 20, 1));
            assertRefused(cluster, Status.Code.INVALID_ARGUMENT, request("odd", 12345, 1));
            assertRefused(cluster, Status.Code.INVALID_ARGUMENT, request("many", 16 << 20, 9));
            assertRefused(cluster, Status.Code.ALREADY_EXISTS, request("data", 32 << 20, 1));
            cluster.create("data", 16 << 20, 1);
            assertThatThrownBy(() -> cluster.engine(1)
                            .control()
                            .getVolume(GetVolumeRequest.newBuilder()
                                    .setName("none")
                                    .build()))
                    .isInstanceOfSatisfying(
                            StatusRuntimeException.class,
                            refused -> assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND));
        }
    }

    private static CreateVolumeRequest request(String name, long sizeBytes, int replicas) {
        return CreateVolumeRequest.newBuilder()
                .setName(name)
                .setSizeBytes(sizeBytes)
                .setReplicas(replicas)
                .build();
    }

    private static void assertRefused(LocalCluster cluster, Status.Code code, CreateVolumeRequest request) {
        assertThatThrownBy(() -> cluster.engine(1).control().createVolume(request))
                .isInstanceOfSatisfying(StatusRuntimeException.class, refused -> {
                    assertThat(refused.getStatus().getCode())
                            .as(String.valueOf(refused.getStatus()))
                            .isEqualTo(code);
                    assertThat(refused.getStatus().getDescription()).isNotBlank();
                });
    }

    @Test
    void aWrongConfigurationIsNamedAndNothingStarts() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES)) {
            cluster.edit(1, text -> text.replaceFirst("\\{", "{\"diskz\": 1, "));
            cluster.engine(1).launch();
            assertThat(cluster.engine(1).awaitEnd(SOON)).isEqualTo(1);
            assertThat(cluster.engine(1).said()).contains("diskz").contains("engine.json");
        }
    }

    /** Otherwise nobody could tell why two engines do not find each other after one of them was upgraded. */
    @Test
    void aPeerOfAnotherProtocolVersionIsToldAndLoggedOnce() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES).start()) {
            String[] address = cluster.node(1).peerAddress().split(":");
            byte[] hello = ByteBuffer.allocate(Frames.HEADER_BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(0x464e5243)
                    .put((byte) (Frames.VERSION + 1))
                    .array();
            for (int i = 0; i < 3; i++) {
                try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
                    socket.getOutputStream().write(hello);
                    assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1))
                            .contains("protocol version 2, this engine speaks 1; upgrade the older engine");
                }
            }
            assertThat(cluster.engine(1).log().lines().filter(line -> line.contains("protocol version")))
                    .singleElement()
                    .asString()
                    .contains("StreamRefused", "upgrade the older engine");
        }
    }

    @Test
    void aSecondEngineOfTheSameNodeIsRefused() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES).start();
                EngineProcess second = new EngineProcess(
                        1, cluster.engine(1).folder(), Path.of(cluster.node(1).controlSocket()), List.of())) {
            second.launch();
            assertThat(second.awaitEnd(SOON)).isEqualTo(1);
            assertThat(second.said()).contains("another engine runs");
            assertThat(status(cluster).getNode()).isEqualTo(1);
        }
    }

    @Test
    void aDiskWithForeignDataIsRefusedByNameUntilItMayBeWiped() throws Exception {
        Tool.require("mkfs.ext4", "e2fsprogs");
        try (LocalCluster cluster = one(0)) {
            Path disk = cluster.engine(1).folder().resolve("disk-1");
            Tool.run(folder, SOON, "fallocate", "-l", Long.toString(DISK_BYTES), disk.toString());
            Tool.run(folder, SOON, "mkfs.ext4", "-q", "-F", "-E", "nodiscard", disk.toString());
            cluster.start();
            Disk refused = status(cluster).getDisks(0);
            assertThat(refused.getState()).isEqualTo("Failed");
            assertThat(refused.getReason()).contains("ext4").contains("wipe").contains(disk.toString());
            cluster.engine(1).terminate(SOON);
            cluster.engine(1).launch("--wipe");
            cluster.engine(1).awaitReady();
            assertThat(status(cluster).getDisks(0))
                    .satisfies(disk1 ->
                            assertThat(disk1.getState()).as(disk1.getReason()).isEqualTo("Ready"));
            String id = status(cluster).getDisks(0).getId();
            cluster.engine(1).kill();
            cluster.start();
            assertThat(status(cluster).getDisks(0).getId())
                    .as("its own disk is not wiped")
                    .isEqualTo(id);
        }
    }

    @Test
    void aFullDiskIsNoSpaceForTheHostAndOverwritesStillWork() throws Exception {
        try (LocalCluster cluster = one(96L << 20).start()) {
            cluster.create("data", 512L << 20, 1);
            String export = cluster.serve(1, "data");
            String said = NbdTools.shell(folder, cluster.uri(1, export), """
                    import errno
                    offset = 0
                    try:
                        while offset < 512 << 20:
                            h.pwrite(b'f' * (1 << 18), offset)
                            offset += 1 << 18
                        raise SystemExit("a disk of 96 MiB took 512 MiB")
                    except nbd.Error as e:
                        assert e.errnum == errno.ENOSPC, e
                    assert offset > 16 << 20, offset
                    for again in range(3):
                        for o in range(0, offset, 1 << 18):
                            h.pwrite(bytes([again]) * (1 << 16), o)
                    assert h.pread(1 << 16, 0) == bytes([2]) * (1 << 16)
                    assert h.pread(1 << 16, 1 << 17) == b'f' * (1 << 16)
                    h.trim(offset // 2 // 4096 * 4096, 0)
                    print("full after %d" % offset)
                    """);
            assertThat(said).contains("full after");
        }
    }

    @Test
    void manyVolumesComeAndGo() throws Exception {
        int count = 120;
        try (LocalCluster cluster = one(DISK_BYTES).start()) {
            for (int i = 0; i < count; i++) {
                cluster.create("v" + i, 64 << 20, 1);
            }
            assertThat(cluster.engine(1)
                            .control()
                            .listVolumes(ListVolumesRequest.getDefaultInstance())
                            .getVolumesList())
                    .hasSize(count)
                    .extracting(Volume::getPhase)
                    .containsOnly("Ready");
            for (int i = 0; i < count; i += 2) {
                cluster.engine(1)
                        .control()
                        .deleteVolume(DeleteVolumeRequest.newBuilder()
                                .setName("v" + i)
                                .build());
            }
            cluster.engine(1).kill();
            cluster.start();
            Awaitility.await()
                    .atMost(SOON)
                    .untilAsserted(
                            () -> assertThat(status(cluster).getVolumesCount()).isEqualTo(count / 2));
            cluster.create("v0", 64 << 20, 1);
            String export = cluster.serve(1, "v1");
            NbdTools.shell(folder, cluster.uri(1, export), "h.pwrite(b'1' * 4096, 0)");
        }
    }

    @Test
    void aRequestForItsEndIsFollowed() throws Exception {
        try (LocalCluster cluster = one(DISK_BYTES).start()) {
            cluster.engine(1).control().shutdown(ShutdownRequest.getDefaultInstance());
            assertThat(cluster.engine(1).awaitEnd(SOON))
                    .as(cluster.engine(1).log())
                    .isZero();
            assertThat(Path.of(cluster.node(1).controlSocket())).doesNotExist();
        }
    }
}
