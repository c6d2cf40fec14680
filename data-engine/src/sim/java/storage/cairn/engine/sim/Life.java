package storage.cairn.engine.sim;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One life to be simulated.
 *
 * @param store whether a single store lives it, and no cluster
 * @param target what its disks hold
 * @param shape of the cluster; null: the seed draws it
 * @param liveness whether the cluster is healed and must come to rest
 */
record Life(
        long seed,
        boolean store,
        StoreTarget target,
        Chances chances,
        @Nullable Shape shape,
        int operations,
        boolean liveness) {
    /** Lives it; throws a {@link Violation} if a promise is broken, whatever noticed it. */
    SimReport run(Trace trace) {
        try {
            if (store) {
                return new StoreSim(seed, target, chances, Defect.NONE, operations, trace).run();
            }
            World.Plan plan = new World.Plan(seed, target, List.of(), Defect.NONE, operations, liveness);
            return new World(plan, chances.draw(new SimRandom(~seed)), shape, trace).run();
        } catch (Violation violation) {
            throw violation;
        } catch (RuntimeException e) {
            throw new Violation("assertion", e.toString(), e);
        }
    }

    /** The options of {@code simulate} that give this life. */
    String options() {
        return "--seed " + seed + " --seeds 1 --what " + (store ? "store" : "cluster") + " --stores " + target.label()
                + " --mode " + (liveness ? "liveness" : "safety") + " --operations " + operations;
    }
}
