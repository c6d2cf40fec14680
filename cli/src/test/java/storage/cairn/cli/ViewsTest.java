package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.Volume;

class ViewsTest {
    private static final long GIB = 1L << 30;

    private static Disk disk(long usedBytes) {
        return Disk.newBuilder()
                .setState("Ready")
                .setCapacityBytes(GIB)
                .setUsedBytes(usedBytes)
                .build();
    }

    private static Volume volume(int owner, String second) {
        return Volume.newBuilder()
                .setName("data")
                .setPhase("Degraded")
                .setReason("1 of 2 replicas are in sync")
                .setOwnerNode(owner)
                .addReplicas(Replica.newBuilder().setState("InSync"))
                .addReplicas(Replica.newBuilder().setState(second))
                .build();
    }

    @Test
    void aFullDiskIsToldInWordsWithWhatToDo() {
        Views.DiskView full = Views.DiskView.of(disk(GIB - (1 << 20)));
        assertThat(full.state()).isEqualTo("Full");
        assertThat(full.reason()).contains("disk full", "ENOSPC", "overwrites go on", "fstrim");
        Views.DiskView roomy = Views.DiskView.of(disk(GIB - (64 << 20)));
        assertThat(roomy.state()).isEqualTo("Ready");
        assertThat(roomy.reason()).isNull();
    }

    @Test
    void aFailedDiskIsFailedHoweverFullItIs() {
        Views.DiskView failed = Views.DiskView.of(
                disk(GIB).toBuilder().setState("Failed").setReason("EIO").build());
        assertThat(failed.state()).isEqualTo("Failed");
        assertThat(failed.reason()).isEqualTo("EIO");
    }

    @Test
    void damageThatWasFoundIsTold() {
        assertThat(Views.DiskView.of(disk(0)).damage()).isEmpty();
        Disk damaged = disk(0).toBuilder().setChecksumErrors(2).build();
        assertThat(Views.DiskView.of(damaged).damage()).startsWith("2 reads since its engine started");
    }

    @Test
    void aDegradedVolumeThatNobodyServesSaysWhatItWaitsFor() {
        assertThat(Views.reason(volume(0, "OutOfSync")))
                .startsWith("1 of 2 replicas are in sync; nobody serves it")
                .contains("as soon as enough of its replicas can be reached");
        assertThat(Views.VolumeView.of(volume(0, "OutOfSync"), Optional.empty()).reason())
                .contains("can be reached");
        assertThat(Views.reason(volume(1, "Syncing"))).isEqualTo("1 of 2 replicas are in sync");
        assertThat(Views.reason(volume(0, "InSync")))
                .as("in sync and away with its node: serving would not bring it back")
                .isEqualTo("1 of 2 replicas are in sync");
    }
}
