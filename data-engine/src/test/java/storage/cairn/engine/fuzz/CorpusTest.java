package storage.cairn.engine.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.ResourceLeakDetector;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kept input of every target, and a short exploration from a seed that a failure shows. */
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusTest {
    private static final ResourceLeakDetector.Level BEFORE = ResourceLeakDetector.getLevel();

    /** Netty's records of who touched a buffer, which the other tests have, would count as what an input cost. */
    @BeforeAll
    static void keepNoRecords() {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    }

    @AfterAll
    static void keepRecordsAgain() {
        ResourceLeakDetector.setLevel(BEFORE);
    }

    static List<String> targets() {
        return FuzzTargets.names();
    }

    @ParameterizedTest
    @MethodSource("targets")
    void nothingThatWasKeptOrIsMadeFromItBreaksADecoder(String name) throws Exception {
        CorpusRun.all(name);
    }

    /** The harness itself can fail: a decoder that believes a length is found out. */
    @Test
    void aLengthThatIsBelievedIsFound() {
        FuzzTarget believing = new FuzzTarget() {
            @Override
            public void run(byte[] input) {
                byte[] believed = new byte[(input[0] & 0xff) << 16];
                assertThat(believed.length).isNotNegative();
            }

            @Override
            public List<byte[]> seeds() {
                return List.of();
            }

            @Override
            public long allowedBytes(int inputBytes) {
                return 1 << 20;
            }
        };
        org.assertj.core.api.Assertions.assertThatCode(() -> BoundedRun.run(believing, new byte[] {1}))
                .doesNotThrowAnyException();
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> BoundedRun.run(believing, new byte[] {100}))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("allowed are");
    }

    @Test
    void aCountThatIsBelievedIsFound() {
        FuzzTarget believing = new FuzzTarget() {
            @Override
            public void run(byte[] input) {
                long sum = input.length;
                for (int i = 0; i < (input[0] & 0xff) << 20; i++) {
                    sum = sum * 31 + (sum >>> 7);
                }
                assertThat(sum).isNotZero();
            }

            @Override
            public List<byte[]> seeds() {
                return List.of();
            }

            @Override
            public long allowedBytes(int inputBytes) {
                return 1 << 20;
            }

            @Override
            public long allowedMillis(int inputBytes) {
                return 2;
            }
        };
        org.assertj.core.api.Assertions.assertThatCode(() -> BoundedRun.run(believing, new byte[] {0}))
                .doesNotThrowAnyException();
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> BoundedRun.run(believing, new byte[] {100}))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("ms of a processor");
    }
}
