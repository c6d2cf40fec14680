package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import storage.cairn.engine.node.EngineConfig.DiskConfig;

/** Where a file is made for a disk that is not there. */
final class DiskOpeningTest {
    private static String whyNotMade(String path, long sizeBytes) {
        return DiskOpening.whyNotMade(new DiskConfig(path, sizeBytes, false));
    }

    @Test
    void aDeviceThatIsNotThereIsNotMadeAsAFile() {
        assertThat(whyNotMade("/dev/sdz", 1 << 30))
                .contains("/dev/sdz is not there")
                .contains("correct the path");
        assertThat(whyNotMade("/srv/disk", 0))
                .contains("/srv/disk is not there")
                .contains("sizeBytes");
    }

    @Test
    void aFileInMemoryIsMade() {
        assertThat(whyNotMade("/dev/shm/cairn/disk-1", 1 << 30)).isEmpty();
        assertThat(whyNotMade("/srv/disk", 1 << 30)).isEmpty();
    }
}
