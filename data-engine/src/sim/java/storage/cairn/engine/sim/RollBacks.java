package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/**
 * Restores the configuration of a volume to an older state now and then, and has it recovered as people would: from the
 * configuration that its in-sync replicas hold, in a new term, once an engine told of one that is ahead.
 *
 * <p>A store that forgets breaks its contract, and not everything can be kept then. It forgets only what every in-sync
 * replica holds, so that each of them can tell. A volume is excused as soon as the store accepted what none of them can
 * contradict any more: without any of them in its in-sync set, or with a later epoch than theirs.
 */
final class RollBacks {
    private static final long POLL_NANOS = 1_000_000_000L;
    private static final long LONGEST_PAUSE_NANOS = 20_000_000_000L;
    private static final int MOST_FORGOTTEN = 6;

    private final World world;
    private final SimRandom random;
    /** What disks were told to hold that is ahead of the store. */
    private final TreeMap<VolumeId, Configuration> ahead = new TreeMap<>();

    private final TreeSet<VolumeId> excused = new TreeSet<>();
    private long recovered;

    RollBacks(World world, SimRandom random) {
        this.world = world;
        this.random = random;
        world.config.whenOvertaken(excused::add);
    }

    /** Volumes that were recovered in a new term. */
    long recovered() {
        return recovered;
    }

    /** How many volumes are {@link #excuses excused}. */
    int excused() {
        return excused.size();
    }

    /** Whether the store took, after it forgot, what no replica can contradict. */
    boolean excuses(SimVolume volume) {
        return volume.wasServed() && excused.contains(volume.id());
    }

    /** An engine says that a disk holds what the store forgot. */
    void ahead(DiskId disk, Configuration held) {
        ahead.merge(held.volume(), held, (one, other) -> other.newerThan(one) ? other : one);
        world.trace.event(world.clock.nanos(), 0, "config: disk is ahead", held.epoch(), held.storeTerm(), 0);
    }

    /** Chance's turn, now and then. */
    void tick() {
        if (world.volumes.isEmpty() || !world.faults.chance(Fault.CONFIG_ROLLED_BACK, random)) {
            return;
        }
        SimVolume volume = world.volumes.get(random.below(world.volumes.size()));
        int changes = 1 + random.below(MOST_FORGOTTEN);
        if (!volume.isServed() || world.config.isRolledBack(volume.id())) {
            return;
        }
        Configuration newest = Objects.requireNonNull(world.config.current(volume.id()));
        Configuration older = world.config.before(volume.id(), changes);
        if (older != null && contradicts(newest, older)) {
            ahead.remove(volume.id());
            world.config.forget(volume.id(), older);
            world.clock.after(random.below(LONGEST_PAUSE_NANOS), () -> recover(volume.id()));
        }
    }

    private boolean contradicts(Configuration newest, Configuration older) {
        return newest.storeTerm() == older.storeTerm()
                && newest.inSync().stream().anyMatch(older.inSync()::contains)
                && newest.inSync().stream().allMatch(disk -> newest.equals(held(disk, newest.volume())));
    }

    /** What a disk that is open holds of a volume. */
    private @Nullable Configuration held(DiskId disk, VolumeId volume) {
        for (SimNode node : world.nodes) {
            ReplicaStore store = node.up() ? node.store(disk) : null;
            Replica replica = store == null ? null : store.replica(volume);
            if (replica != null) {
                return replica.configuration();
            }
        }
        return null;
    }

    private void recover(VolumeId volume) {
        Configuration newest = ahead.get(volume);
        boolean reachable =
                newest != null && newest.inSync().stream().allMatch(disk -> newest.equals(held(disk, volume)));
        if (newest == null || !reachable) {
            world.clock.after(POLL_NANOS, () -> recover(volume));
            return;
        }
        List<Stale> outOfSync = new ArrayList<>(newest.syncing());
        outOfSync.addAll(newest.outOfSync());
        world.config.recover(new Configuration(
                volume,
                newest.name(),
                newest.storeTerm() + 1,
                newest.epoch() + 1,
                new UUID(random.nextLong(), random.nextLong()),
                null,
                newest.inSync(),
                List.of(),
                outOfSync,
                newest.minInSync(),
                newest.sizeBytes(),
                newest.attachId(),
                newest.formatted(),
                false));
        recovered++;
    }
}
