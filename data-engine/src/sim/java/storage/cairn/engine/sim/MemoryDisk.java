package storage.cairn.engine.sim;

import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.ReplicaStore;

/**
 * A disk with a perfect extent store on it: what {@link MemoryReplicaStore} leaves behind when its process goes.
 * Stands in for the real store where only the code above it is under test.
 */
public final class MemoryDisk {
    private final DiskId id;
    private final long capacitySlots;
    private final SimRandom random;
    private final Faults faults;
    private final TreeMap<VolumeId, MemoryVolume> volumes = new TreeMap<>();
    private final Gate gate = new Gate();
    private boolean closedClean = true;
    private boolean losesWrites;
    private @Nullable MemoryReplicaStore open;

    public MemoryDisk(DiskId id, long capacitySlots, SimRandom random, Faults faults) {
        this.id = id;
        this.capacitySlots = capacitySlots;
        this.random = random;
        this.faults = faults;
    }

    public DiskId id() {
        return id;
    }

    /** Gives the disk to a process; the last one must be gone. */
    public ReplicaStore open(SimProcess process) {
        if (open != null) {
            throw new IllegalStateException("disk " + id + " is open already");
        }
        boolean clean = closedClean || faults.has(Defect.FALSELY_CLEAN);
        open = new MemoryReplicaStore(this, process, random, faults, clean);
        closedClean = false;
        return open;
    }

    /** The process that has it open dies, or the machine: operations under way happened, each wholly or not at all. */
    public void crash() {
        gate.forget();
        if (open != null) {
            open.crash();
            open = null;
        }
    }

    /** The stored bytes of a block go bad. */
    public void rot(VolumeId volume, long block) {
        MemoryVolume victim = volumes.get(volume);
        if (victim != null) {
            victim.rot(block);
        }
    }

    /** Whether the bytes of a write may not come to be where they belong. */
    void losesWrites(boolean loses) {
        losesWrites = loses;
    }

    /** A write was taken: perhaps the medium does not have it, or has it where something else was. */
    void written(MemoryVolume volume, long block, int count) {
        if (losesWrites && faults.strikes(Fault.DISK_LOST_WRITE, random)) {
            volume.rot(block + random.below(count));
        }
        if (losesWrites && faults.strikes(Fault.DISK_MISDIRECTED_WRITE, random)) {
            volume.rot(block + random.below(count));
            volume.rot(random.below(volume.blocks()));
        }
    }

    TreeMap<VolumeId, MemoryVolume> volumes() {
        return volumes;
    }

    Gate gate() {
        return gate;
    }

    long capacitySlots() {
        return capacitySlots;
    }

    long mappedSlots() {
        long sum = 0;
        for (MemoryVolume volume : volumes.values()) {
            sum += volume.mapped();
        }
        return sum;
    }

    void closed(boolean clean) {
        closedClean = clean;
        open = null;
    }
}
