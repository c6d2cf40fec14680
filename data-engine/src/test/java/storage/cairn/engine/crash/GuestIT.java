package storage.cairn.engine.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Crash tests on a real kernel, cut from power. The seeds are printed; a failure keeps its disk and says where. */
@Timeout(value = 22, unit = TimeUnit.MINUTES)
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
    void theStoreHoldsEveryAckedWriteAfterPowerCuts() throws Exception {
        assertThat(Guest.run("powercut", "--rounds", "2")).contains("every one is there");
    }

    @Test
    void theStoreRecoversFromAnySubsetOfWhatWasNotFlushed() throws Exception {
        // More moments than there are: all of them, each flush that a log of 1,000 operations has.
        assertThat(Guest.run("logreplay", "--operations", "1000", "--moments", "100000", "--io", "pool"))
                .contains("acks known by then");
    }
}
