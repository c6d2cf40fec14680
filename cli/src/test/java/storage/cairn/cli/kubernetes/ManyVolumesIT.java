package storage.cairn.cli.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;

/**
 * Many volumes of one engine lose a replica at the same moment, and each records that at a real API server before it
 * writes on. {@code -Dcairn.volumes=200} makes it 200 of them; the time is printed.
 */
final class ManyVolumesIT {
    private static final int VOLUMES = Integer.getInteger("cairn.volumes", 40);
    private static final long MIB = 1 << 20;
    private static final int SECONDS = 30;

    @TempDir
    Path folder;

    private ControlPlane plane;
    private final List<NbdClient> hosts = new ArrayList<>();

    @BeforeEach
    void start() throws IOException {
        plane = ControlPlane.start(folder, 3, 2_048 * MIB);
        for (int node = 1; node <= 3; node++) {
            plane.addNode(node);
        }
        for (int node = 1; node <= 3; node++) {
            plane.admit(node);
        }
    }

    @AfterEach
    void stop() throws IOException {
        for (NbdClient host : hosts) {
            host.close();
        }
        plane.close();
    }

    private static final class Quiet implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }

    private void serve(ControlClient control, String name) {
        control.call(
                SECONDS,
                stub -> stub.createVolume(CreateVolumeRequest.newBuilder()
                        .setName(name)
                        .setSizeBytes(MIB)
                        .setReplicas(3)
                        .build()));
        String export = control.call(
                        SECONDS,
                        stub -> stub.serveVolume(
                                ServeVolumeRequest.newBuilder().setName(name).build()))
                .getExportName();
        String socket = URLEncoder.encode(plane.nbdSocket(1).toString(), StandardCharsets.UTF_8);
        hosts.add(new NbdClient(
                List.of(NbdUri.parse("nbd+unix:///" + export + "?socket=" + socket)),
                new NbdClient.Settings(1, 60_000),
                new Quiet()));
    }

    /** Writes one block to each volume at once; answers how long the slowest took, in milliseconds. */
    private long writeToEach() throws Exception {
        List<CompletableFuture<NbdCommand>> writes = new ArrayList<>();
        for (NbdClient host : hosts) {
            CompletableFuture<NbdCommand> write = new CompletableFuture<>();
            writes.add(write);
            host.submit(new NbdCommand(write::complete)
                    .transfer(NbdCommand.Type.WRITE, 0, ByteBuffer.allocateDirect(4096)));
        }
        long slowest = 0;
        for (CompletableFuture<NbdCommand> write : writes) {
            NbdCommand done = write.get(90, TimeUnit.SECONDS);
            assertThat(done.error()).as(done.errorText()).isZero();
            slowest = Math.max(slowest, done.nanos());
        }
        return TimeUnit.NANOSECONDS.toMillis(slowest);
    }

    private long lacking() {
        return plane.client().resources(VolumeMembership.class).list().getItems().stream()
                .filter(each -> each.getSpec().inSync().size() == 2)
                .count();
    }

    @Test
    void allVolumesWriteAgainAfterTheLossOfANode() throws Exception {
        try (ControlClient control = plane.control(1)) {
            Awaitility.await("three disks").until(() -> control.status().getDisksCount() == 3);
            for (int i = 0; i < VOLUMES; i++) {
                serve(control, "v" + i);
            }
        }
        long before = writeToEach();
        plane.pauseEngine(3);
        long during = writeToEach();
        assertThat(lacking()).isEqualTo(VOLUMES);
        long after = writeToEach();
        System.out.println(VOLUMES + " volumes, slowest write: " + before + " ms before, " + during
                + " ms as a node falls silent, " + after + " ms after");
    }
}
