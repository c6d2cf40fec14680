package storage.cairn.engine.store;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.sim.SimRandom;

/** Crashes at any moment, also during and right after recovery: what was acked is there, slots are never mapped twice. */
class StoreCrashSimTest {
    private static final long FIRST = Long.getLong("cairn.store.seed", 1);
    private static final long SEEDS = Long.getLong("cairn.store.seeds", 150);

    @Test
    void whatWasAckedSurvivesCrashes() {
        for (long seed = FIRST; seed < FIRST + SEEDS; seed++) {
            run(seed);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1})
    void seedsThatFoundBugs(long seed) {
        run(seed);
    }

    private static void run(long seed) {
        CrashWorld world = new CrashWorld(seed);
        try {
            SimRandom random = new SimRandom(seed + 99);
            world.format();
            world.open();
            int rounds = 1 + random.below(5);
            for (int round = 0; round < rounds; round++) {
                world.load(random.below(6_000));
                if (random.below(5) == 0) {
                    world.close();
                    world.open();
                } else {
                    world.crash(random.nextBoolean());
                    world.recover();
                }
            }
            world.load(500);
            world.close();
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError("seed " + seed + " (-Dcairn.store.seed=" + seed + " -Dcairn.store.seeds=1)", e);
        }
    }
}
