package storage.cairn.engine.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import storage.cairn.engine.sim.SimRandom;

/** Every kept input of every target, and a short exploration from a seed that a failure shows. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusTest {
    private static final long SEED = Long.getLong("cairn.fuzz.seed", 20_260_401L);
    private static final int INPUTS = Integer.getInteger("cairn.fuzz.inputs", 300);
    private static final int LONGEST_INPUT = 1 << 16;

    static List<String> targets() {
        return FuzzTargets.names();
    }

    @ParameterizedTest
    @MethodSource("targets")
    void nothingThatWasKeptOrIsMadeFromItBreaksADecoder(String name) throws Exception {
        try (FuzzTarget target = FuzzTargets.named(name)) {
            runAll(name, target);
        }
    }

    private static void runAll(String name, FuzzTarget target) throws Exception {
        List<byte[]> inputs = new ArrayList<>(target.seeds());
        assertThat(inputs).isNotEmpty();
        inputs.addAll(Corpus.load(name));
        for (byte[] input : inputs) {
            run(target, name, input, "a kept input");
        }
        for (int i = 0; i < INPUTS; i++) {
            SimRandom random = new SimRandom(SEED + i);
            byte[] mutated = Mutation.of(inputs.get(random.below(inputs.size())), random);
            if (mutated.length <= LONGEST_INPUT) {
                run(target, name, mutated, "-Dcairn.fuzz.inputs=1 -Dcairn.fuzz.seed=" + (SEED + i));
            }
        }
    }

    private static void run(FuzzTarget target, String name, byte[] input, String which) {
        try {
            BoundedRun.run(target, input);
        } catch (Exception | AssertionError e) {
            String base64 = Base64.getEncoder().encodeToString(input);
            throw new AssertionError("target " + name + ", " + which + ": " + base64, e);
        }
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
}
