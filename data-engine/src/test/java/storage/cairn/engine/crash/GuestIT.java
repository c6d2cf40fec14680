package storage.cairn.engine.crash;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Crash tests on a real kernel, cut from power. The seeds are printed; a failure keeps its disk and says where. */
final class GuestIT {
    @BeforeEach
    void build() throws Exception {
        Guest.require();
    }

    @Test
    void theGuestLosesWhatWasNotFlushedAndNothingElse() throws Exception {
        Guest.run("selftest");
    }

    @Test
    void aTargetThatAcksBeforeItFlushesIsCaughtByAPowerCut() throws Exception {
        assertThat(Guest.run("powercut", "--target", "careless", "--rounds", "1"))
                .contains("careless target was caught");
    }

    @Test
    void aTargetThatAcksBeforeItFlushesIsCaughtInTheLogOfItsWrites() throws Exception {
        assertThat(Guest.run("logreplay", "--target", "careless", "--operations", "200"))
                .contains("careless target was caught");
    }

    @Test
    void theDeviceKeepsWhatItFlushedAcrossPowerCuts() throws Exception {
        assertThat(Guest.run("powercut", "--target", "plain", "--rounds", "1", "--io", "pool"))
                .contains("every one is there");
    }
}
