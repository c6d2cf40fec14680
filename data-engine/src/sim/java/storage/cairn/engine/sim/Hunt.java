package storage.cairn.engine.sim;

import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;
import storage.cairn.engine.store.StoreSchedules;

/**
 * One kind of world, to be run with any seed: {@code store} or {@code cluster}, then {@code memory} or {@code extent}
 * for what its disks hold, and for a cluster {@code liveness}, so many {@code nodes=3} with one volume on all of them,
 * and what else {@link Shape#parse} knows. Or {@code script} and the name of one of the
 * {@link Schedules}, or {@code disk} and one of the {@link StoreSchedules}.
 */
public final class Hunt implements LongFunction<String> {
    private final List<String> world;
    private final Chances chances;
    private final int operations;

    /**
     * @param world its words
     * @param faults as {@link Chances#parse} takes them
     * @param operations of one seed
     */
    public Hunt(String world, String faults, int operations) {
        this.world = Arrays.asList(world.split(" "));
        this.operations = operations;
        this.chances = Chances.parse(faults);
    }

    /** Runs a seed; tells what was noticed, or nothing. */
    @Override
    public String apply(long seed) {
        try {
            run(seed);
            return "";
        } catch (Violation violation) {
            return String.valueOf(violation.getMessage());
        } catch (RuntimeException e) {
            return "assertion: " + e;
        }
    }

    private void run(long seed) {
        StoreTarget target = world.contains("extent") ? StoreTarget.EXTENT : StoreTarget.IN_MEMORY;
        if (world.getFirst().equals("script")) {
            Schedules.play(world.getLast(), seed);
            return;
        }
        if (world.getFirst().equals("disk")) {
            StoreSchedules.play(world.getLast(), seed);
            return;
        }
        boolean store = world.getFirst().equals("store");
        if (!store && !world.getFirst().equals("cluster")) {
            throw new IllegalArgumentException("no world is a '" + world.getFirst() + "'");
        }
        Shape shape = Shape.parse(world, target);
        new Life(seed, store, target, chances, shape, operations, world.contains("liveness")).run(Trace.hashing());
    }
}
