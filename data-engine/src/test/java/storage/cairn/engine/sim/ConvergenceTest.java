package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What counts as well where disks are crowded. That excuses a volume from what it has no room for, and from nothing else:
 * one whose store had been rolled back, or that nobody served yet, was held to be well, and a request refused meanwhile
 * to be a broken promise.
 */
final class ConvergenceTest {
    private static final long PATIENCE_NANOS = 600L * 1_000_000_000L;

    @ParameterizedTest
    @EnumSource
    void aCrowdedVolumeIsNotWellUntilItIsServed(StoreTarget stores) {
        World world = crowded(stores);
        SimVolume volume = world.volumes.getFirst();
        Objects.requireNonNull(world.owner(volume)).kill(true);

        assertThat(world.crowded(volume)).isTrue();
        assertThat(Convergence.settled(world)).isFalse();
        until(world, () -> Convergence.settled(world));
    }

    @ParameterizedTest
    @EnumSource
    void aCrowdedVolumeIsNotWellUntilItIsRecovered(StoreTarget stores) {
        World world = crowded(stores);
        SimVolume volume = world.volumes.getFirst();
        world.config.forget(volume.id(), Objects.requireNonNull(world.config.before(volume.id(), 1)));

        assertThat(world.crowded(volume)).isTrue();
        assertThat(Convergence.settled(world)).isFalse();
    }

    /** A world that is well, and whose hosts have written more than its disk holds. */
    private static World crowded(StoreTarget stores) {
        Shape shape = Objects.requireNonNull(Shape.parse(Set.of("nodes=1", "small"), stores));
        World.Plan plan = new World.Plan(1, stores, List.of(), Defect.NONE, 0, false);
        World world = new World(plan, Faults.none(), shape, Trace.hashing());
        world.begin();
        new Administrator(world, new SimRandom(1)).begin();
        until(world, () -> !world.volumes.isEmpty() && world.crowded(world.volumes.getFirst()));
        until(world, () -> Convergence.settled(world));
        return world;
    }

    private static void until(World world, BooleanSupplier condition) {
        long before = world.clock.nanos();
        while (!condition.getAsBoolean()) {
            assertThat(world.clock.nanos() - before).isLessThan(PATIENCE_NANOS);
            world.step();
        }
    }
}
