package storage.cairn.engine.sim;

import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/**
 * Takes one disk of a {@link World} away for good, with all that it holds, when no volume has its data in sync on it
 * alone. An empty disk of the same identity comes in its place.
 */
final class LostDisk {
    private final World world;
    private final SimRandom random;
    private @Nullable DiskId lost;
    /** Volumes that count a replica as in sync which went with the disk. */
    private final TreeSet<VolumeId> deceived = new TreeSet<>();

    LostDisk(World world, SimRandom random) {
        this.world = world;
        this.random = random;
    }

    void tick() {
        if (lost != null || world.volumes.isEmpty() || !world.faults.chance(Fault.DISK_LOST, random)) {
            return;
        }
        SimNode node = world.nodes.get(random.below(world.nodes.size()));
        StoreUnderTest disk = node.disks().get(random.below(node.disks().size()));
        for (VolumeId volume : world.config.volumes()) {
            Configuration now = world.config.current(volume);
            if (now != null && now.inSync().size() == 1 && now.inSync().contains(disk.id())) {
                return;
            }
        }
        world.faults.count(Fault.DISK_LOST);
        world.trace.say(
                world.clock.nanos(), node.number(), "disk " + disk.id() + " is gone, an empty one takes its place");
        lost = disk.id();
        deceived.addAll(world.config.volumes());
        node.kill(true);
        disk.replace();
    }

    /** From the first change without it, its replica is in sync again only when it was made anew and filled. */
    void accepted(Configuration value) {
        if (lost != null && !value.inSync().contains(lost)) {
            deceived.remove(value.volume());
        }
    }

    /** Whether a replica is in sync by name only: it went with its disk. */
    boolean took(VolumeId volume, DiskId disk) {
        return disk.equals(lost) && deceived.contains(volume);
    }

    /**
     * Whether a volume waits for its operator: what it has in sync is lost, or so much that it must not be missed, and it
     * has no other replica that could take the place, or is to get one.
     */
    boolean holdsUp(SimVolume volume) {
        Configuration now = lost == null || !volume.isServed() ? null : world.config.current(volume.id());
        if (now == null || !now.inSync().contains(lost) || !deceived.contains(volume.id())) {
            return false;
        }
        int left = now.inSync().size() - 1;
        boolean spare =
                now.replicas().size() > now.inSync().size() || !now.replicas().containsAll(volume.wish());
        return left == 0 || (left < now.minInSync() && !spare);
    }
}
