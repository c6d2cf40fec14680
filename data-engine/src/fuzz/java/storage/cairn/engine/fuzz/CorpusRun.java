package storage.cairn.engine.fuzz;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import storage.cairn.engine.sim.SimRandom;

/** What every test run does with a target: all kept inputs, and a short exploration from a seed that a failure shows. */
public final class CorpusRun {
    private static final long SEED = Long.getLong("cairn.fuzz.seed", 20_260_401L);
    private static final int INPUTS = Integer.getInteger("cairn.fuzz.inputs", 300);
    private static final int LONGEST_INPUT = 1 << 16;

    private CorpusRun() {}

    /** Throws an {@link AssertionError} with the input when one breaks the target. */
    public static void all(String name) throws Exception {
        try (FuzzTarget target = FuzzTargets.named(name)) {
            List<byte[]> inputs = new ArrayList<>(target.seeds());
            if (inputs.isEmpty()) {
                throw new AssertionError("target " + name + " has no input to begin with");
            }
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
    }

    private static void run(FuzzTarget target, String name, byte[] input, String which) {
        try {
            BoundedRun.run(target, input);
        } catch (Exception | AssertionError e) {
            String base64 = Base64.getEncoder().encodeToString(input);
            throw new AssertionError("target " + name + ", " + which + ": " + base64, e);
        }
    }
}
