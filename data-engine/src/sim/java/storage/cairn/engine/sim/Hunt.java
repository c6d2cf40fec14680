package storage.cairn.engine.sim;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * One kind of world, to be run with any seed: {@code store} or {@code cluster}, then {@code memory} or {@code extent}
 * for what its disks hold, and for a cluster {@code liveness}, so many {@code nodes=3} with one volume on all of them,
 * {@code wide}: over many extents, {@code hasty}: see {@link Shape}. Or {@code script} and the name of one of the
 * {@link Schedules}.
 */
public final class Hunt implements LongFunction<String> {
    private static final String NODES = "nodes=";

    private final List<String> world;
    private final Faults set = Faults.none();
    private final EnumSet<Fault> swarm = EnumSet.noneOf(Fault.class);
    private final boolean fixed;
    private final int operations;

    /**
     * @param world its words
     * @param faults by comma: {@code kill=2000} in a million chances, or {@code kill} in some seeds, by chance; empty:
     *     any lawful ones
     * @param operations of one seed
     */
    public Hunt(String world, String faults, int operations) {
        this.world = Arrays.asList(world.split(" "));
        this.operations = operations;
        this.fixed = faults.contains("=");
        if (faults.isEmpty()) {
            swarm.addAll(Faults.lawful());
            return;
        }
        for (String each : faults.split(", *")) {
            String[] parts = each.split("=");
            Fault fault = Fault.of(parts[0]);
            if (fixed) {
                set.set(fault, Integer.parseInt(parts[1]));
            } else {
                swarm.add(fault);
            }
        }
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
        switch (world.getFirst()) {
            case "store" -> new StoreSim(seed, target, swarm, operations, Trace.hashing()).run();
            case "cluster" -> cluster(seed, target);
            case "script" -> Schedules.play(world.getLast(), seed);
            default -> throw new IllegalArgumentException("no world is a '" + world.getFirst() + "'");
        }
    }

    private void cluster(long seed, StoreTarget target) {
        boolean liveness = world.contains("liveness");
        World.Plan plan = new World.Plan(seed, target, swarm, Defect.NONE, operations, liveness);
        Faults faults = fixed ? set.copy() : Faults.swarm(new SimRandom(~seed), swarm);
        new World(plan, faults, shape(), Trace.hashing()).run();
    }

    private @Nullable Shape shape() {
        for (String word : world) {
            if (word.startsWith(NODES)) {
                int nodes = Integer.parseInt(word.substring(NODES.length()));
                int blocks = world.contains("wide") ? 3_000 : 600;
                return Shape.of(nodes, new Shape.OfVolume(blocks, nodes, 0), world.contains("hasty"));
            }
        }
        return null;
    }
}
