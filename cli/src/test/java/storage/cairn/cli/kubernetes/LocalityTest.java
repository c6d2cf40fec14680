package storage.cairn.cli.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeStatus;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.api.resource.VolumeStatus.Replica;
import storage.cairn.api.resource.VolumeStatus.State;

/** A volume that is whole on a, being brought up to date on b, out of sync on c and not at all on d. */
final class LocalityTest {
    private static final PersistentVolume PV = pv(Api.DRIVER);
    private static final PersistentVolumeClaim CLAIM = new PersistentVolumeClaimBuilder()
            .withNewMetadata()
            .withName("data")
            .withNamespace("shop")
            .endMetadata()
            .withNewSpec()
            .withVolumeName("pv")
            .endSpec()
            .build();

    private static PersistentVolume pv(String driver) {
        return new PersistentVolumeBuilder()
                .withNewMetadata()
                .withName("pv")
                .endMetadata()
                .withNewSpec()
                .withNewCsi()
                .withDriver(driver)
                .withVolumeHandle("id")
                .endCsi()
                .endSpec()
                .build();
    }

    private static Volume volume() {
        Volume volume = new Volume();
        volume.setMetadata(new ObjectMetaBuilder().withName("vol").build());
        volume.setSpec(new VolumeSpec("id", new Quantity("1Gi"), "fast", 3, null, null, null, null, null, null, null));
        volume.setStatus(new VolumeStatus(
                null,
                null,
                null,
                List.of(
                        new Replica("1", "a", State.IN_SYNC),
                        new Replica("2", "b", State.SYNCING),
                        new Replica("3", "c", State.OUT_OF_SYNC)),
                null,
                null,
                null,
                null,
                null));
        return volume;
    }

    private static Pod pod(@Nullable String node, String phase) {
        return new PodBuilder()
                .withNewMetadata()
                .withName("db")
                .withNamespace("shop")
                .endMetadata()
                .withNewSpec()
                .withNodeName(node)
                .addNewVolume()
                .withName("data")
                .withNewPersistentVolumeClaim("data", false)
                .endVolume()
                .endSpec()
                .withNewStatus()
                .withPhase(phase)
                .addNewCondition()
                .withType("PodScheduled")
                .withMessage("0/3 nodes are available")
                .endCondition()
                .endStatus()
                .build();
    }

    /** Node d, which reads from others. */
    private static StorageNode node() {
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName("d").build());
        node.setStatus(new StorageNodeStatus(
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
                null,
                List.of(new StorageNodeStatus.Traffic("id", 100, 70, 5, 0)),
                null,
                null));
        return node;
    }

    private static List<Locality.Line> lines(Pod pod, PersistentVolume pv) {
        return Locality.of(List.of(pod), List.of(CLAIM), List.of(pv), List.of(volume()), List.of(node()));
    }

    @ParameterizedTest
    @CsvSource({
        "a, true, ''",
        "b, false, 'its replica there is being brought up to date; all of it is on a'",
        "c, false, 'its replica there is out of sync; all of it is on a'",
        "d, false, 'all of it is on a'",
        ", false, 0/3 nodes are available",
    })
    void aPodIsLocalWhereAllOfItsDataIs(@Nullable String node, boolean local, String why) {
        boolean told = "d".equals(node);
        assertThat(lines(pod(node, "Running"), PV))
                .containsExactly(new Locality.Line(
                        "shop",
                        "db",
                        node == null ? "" : node,
                        "data",
                        "vol",
                        local,
                        told ? 100L : null,
                        told ? 70L : null,
                        why));
    }

    @Test
    void podsThatEndedOrUseNoVolumeOfOursAreLeftOut() {
        assertThat(lines(pod("a", "Succeeded"), PV)).isEmpty();
        assertThat(lines(pod("a", "Running"), pv("csi.example.com"))).isEmpty();
    }
}
