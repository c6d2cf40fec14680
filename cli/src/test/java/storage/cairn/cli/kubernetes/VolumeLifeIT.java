package storage.cairn.cli.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.api.resource.VolumeStatus.Phase;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.client.load.LoadSettings;
import storage.cairn.client.load.VerifyingLoad;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdUri;

/** The life of volumes as resources: replica manager, engines, {@code kubectl cairn} and a real API server together. */
final class VolumeLifeIT {
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final long MIB = 1 << 20;

    @TempDir
    Path folder;

    private ControlPlane plane;
    private final Map<String, Integer> nodeOfDisk = new TreeMap<>();

    @BeforeEach
    void start() throws IOException {
        plane = ControlPlane.start(folder, 4, 512 * MIB);
        plane.startManager(10);
        for (int node = 1; node <= 4; node++) {
            plane.addNode(node);
        }
        for (int node = 1; node <= 4; node++) {
            nodeOfDisk.put(plane.admit(node), node);
        }
    }

    @AfterEach
    void stop() throws IOException {
        plane.close();
    }

    private List<Integer> nodes(VolumeMembershipSpec membership) {
        List<Integer> nodes = new ArrayList<>();
        membership.inSync().forEach(disk -> nodes.add(nodeOfDisk.getOrDefault(disk, 0)));
        return nodes;
    }

    private static boolean isWhole(VolumeStatus status) {
        return status.phase() == Phase.READY;
    }

    private Volume made(String name) {
        plane.succeed("volume", "create", name, "--size", "32Mi", "--pool", "fast", "--replicas", "3");
        return plane.await(name, VolumeLifeIT::isWhole);
    }

    private VerifyingLoad load(int node, ServeVolumeResponse export) throws IOException {
        String socket = URLEncoder.encode(plane.nbdSocket(node).toString(), StandardCharsets.UTF_8);
        NbdUri uri = NbdUri.parse("nbd+unix:///" + export.getExportName() + "?socket=" + socket);
        LoadSettings settings = new LoadSettings("data", 7, 7, 0, 32 * MIB, 4096, 1, 4, 50, 300, true, 120_000);
        return VerifyingLoad.open(List.of(uri), settings, new Quiet());
    }

    private static final class Quiet implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }

    @Test
    void aVolumeLosesAReplicaGrowsMovesOffANodeAndIsErasedOnRequestAlone() throws Exception {
        Volume volume = made("data");
        int server = nodes(plane.membership(volume)).getFirst();
        try (ControlClient control = plane.control(server)) {
            ServeVolumeResponse export = control.call(
                    20,
                    stub -> stub.serveVolume(
                            ServeVolumeRequest.newBuilder().setName("data").build()));
            plane.await("data", status -> ("node" + server).equals(status.owner()));
            try (VerifyingLoad load = load(server, export)) {
                load.start();
                int lost = replicaIsReplaced(volume, server);
                grows(volume);
                nodeIsEvacuated(volume, server, lost);
                load.stop();
                assertThat(load.verifyAll((done, all) -> {}))
                        .as(String.valueOf(load.firstError()))
                        .isTrue();
                assertThat(load.violations()).isEmpty();
                assertThat(load.verifiedBlocks()).isPositive();
            }
            control.call(
                    20,
                    stub -> stub.releaseVolume(
                            ReleaseVolumeRequest.newBuilder().setName("data").build()));
        }
        isDeletedRestoredAndErased(volume);
    }

    private int replicaIsReplaced(Volume volume, int server) throws Exception {
        int lost = nodes(plane.membership(volume)).stream()
                .filter(node -> node != server)
                .findFirst()
                .orElseThrow();
        plane.pauseEngine(lost);
        VolumeStatus degraded =
                plane.await("data", status -> status.phase() == Phase.DEGRADED).getStatus();
        assertThat(degraded.reason()).contains("out of sync");
        plane.await("data", VolumeLifeIT::isWhole);
        assertThat(nodes(plane.membership(volume))).hasSize(3).contains(server).doesNotContain(lost);
        plane.resumeEngine(lost);
        return lost;
    }

    private void grows(Volume volume) {
        plane.succeed("volume", "grow", "data", "--size", "48Mi");
        plane.await("data", status -> status.sizeBytes() != null && status.sizeBytes() == 48 * MIB);
        assertThat(plane.membership(volume).sizeBytes()).isEqualTo(48 * MIB);
        // More than there is: the volume goes on as it is, and says why.
        plane.succeed("volume", "grow", "data", "--size", "4Gi");
        VolumeStatus refused = plane.await(
                        "data",
                        status -> status.conditions() != null
                                && status.conditions().stream()
                                        .anyMatch(each -> each.getType().equals("Grown")
                                                && each.getReason().equals("NoSpace")))
                .getStatus();
        assertThat(refused.phase()).isEqualTo(Phase.READY);
    }

    /** Its replica has to go where the one was that was lost: that node is back. */
    private void nodeIsEvacuated(Volume volume, int server, int back) {
        int left = nodes(plane.membership(volume)).stream()
                .filter(node -> node != server)
                .findFirst()
                .orElseThrow();
        String told = plane.succeed("node", "evacuate", "node" + left, "--wait");
        assertThat(told).contains("it can be taken away");
        assertThat(nodes(plane.membership(volume))).hasSize(3).contains(back).doesNotContain(left);
        plane.succeed("node", "evacuate", "node" + left, "--cancel");
        plane.await("data", VolumeLifeIT::isWhole);
    }

    private void isDeletedRestoredAndErased(Volume volume) {
        plane.succeed("volume", "delete", "data");
        plane.await("data", status -> status.phase() == Phase.DELETING);
        plane.succeed("volume", "undelete", "data");
        plane.await("data", VolumeLifeIT::isWhole);
        plane.succeed("volume", "delete", "data");
        Awaitility.await("the end of the volume")
                .atMost(LONG)
                .until(() ->
                        plane.client().resources(Volume.class).withName("data").get() == null);
        assertThat(plane.membership(volume).deleted()).isTrue();
        Awaitility.await("no replica is left").atMost(LONG).untilAsserted(() -> {
            for (int node : nodes(plane.membership(volume))) {
                try (ControlClient control = plane.control(node)) {
                    assertThat(control.status().getDisksList().stream()
                                    .filter(disk -> disk.getNode() == node)
                                    .mapToInt(disk -> disk.getReplicas())
                                    .sum())
                            .isZero();
                }
            }
        });
    }

    @Test
    void anOrphanIsFoundAndAdoptedAndADeletedResourceKeepsItsData() {
        Volume volume = made("kept");
        plane.client().resources(Volume.class).withName("kept").delete();
        VolumeStatus held = plane.await(
                        "kept",
                        status -> status.reason() != null && status.reason().contains("cairn volume delete kept"))
                .getStatus();
        assertThat(held.conditions()).anyMatch(each -> each.getType().equals("DeletionRefused"));

        // Somebody takes the finalizer away: nothing but the membership knows of the volume now.
        Edit.of(plane.client().resources(Volume.class).withName("kept"), each -> {
            each.getMetadata().setFinalizers(List.of());
            return each;
        });
        Awaitility.await("the orphan")
                .atMost(LONG)
                .until(() -> plane.succeed("volume", "orphans")
                        .contains(volume.getSpec().id()));
        plane.succeed("volume", "adopt", volume.getSpec().id());
        plane.await("kept", VolumeLifeIT::isWhole);
        assertThat(plane.membership(volume).deleted()).isFalse();
        assertThat(plane.cairn("volume", "adopt", volume.getSpec().id()).exitCode())
                .isNotZero();
        idleVolumesCostNoRequests();
    }

    /** Several sweeps, several reports of engines, and renewals of all leases long. */
    private void idleVolumesCostNoRequests() {
        long[] last = {plane.requestsAboutVolumes(), System.nanoTime()};
        Awaitility.await("no request about volumes for 20 s").atMost(LONG).until(() -> {
            long now = plane.requestsAboutVolumes();
            if (now != last[0]) {
                last[0] = now;
                last[1] = System.nanoTime();
            }
            return System.nanoTime() - last[1] > Duration.ofSeconds(20).toNanos();
        });
    }
}
