package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import storage.cairn.csi.FilesystemGuard.Decision;
import storage.cairn.csi.FilesystemGuard.Seen;

final class FilesystemGuardTest {
    private static Decision decide(String found, String other, boolean formatted, boolean ours, boolean blank) {
        return FilesystemGuard.decide(new Seen(found, other, formatted, ours, blank), "ext4");
    }

    private static void assertRefused(Decision decision, String reason) {
        assertThat(decision)
                .isInstanceOfSatisfying(
                        Decision.Refuse.class,
                        refuse -> assertThat(refuse.reason()).contains(reason));
    }

    @Test
    void aNewVolumeGetsAFilesystem() {
        assertThat(decide("", "", false, false, true)).isEqualTo(new Decision.Make());
    }

    @Test
    void theFilesystemThatIsThereIsUsed() {
        assertThat(decide("ext4", "", true, false, false)).isEqualTo(new Decision.Use());
        assertThat(decide("ext4", "", false, false, false)).isEqualTo(new Decision.Use());
    }

    @Test
    void anotherFilesystemIsNotReplaced() {
        assertRefused(decide("xfs", "", true, false, false), "it holds xfs, and ext4 is asked for");
    }

    @Test
    void aVolumeThatWasFormattedAndShowsNothingIsDamagedAndNotFormattedAgain() {
        assertRefused(decide("", "", true, false, true), "it is damaged");
        assertRefused(decide("", "", true, false, false), "it is damaged");
    }

    @Test
    void dataOrAPartitionTableIsNotOverwritten() {
        assertRefused(decide("", "", false, false, false), "data that is no filesystem");
        assertRefused(decide("", "gpt", false, false, false), "no filesystem but gpt");
    }

    @Test
    void whatThisAttachmentBeganAndNobodyMountedIsMadeAnew() {
        assertThat(decide("", "", true, true, false)).isEqualTo(new Decision.Make());
        assertThat(decide("ext4", "", true, true, false)).isEqualTo(new Decision.Make());
    }
}
