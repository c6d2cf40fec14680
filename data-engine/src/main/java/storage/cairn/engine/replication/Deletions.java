package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * Erases this node's replicas of deleted volumes, also of those deleted while it was away: each only after a quorum
 * read showed the tombstone of that very volume, later than what the replica knows.
 */
final class Deletions {
    private static final long RETRY_MILLIS = 1_000;
    /** Between two looks for replicas that a broken creation left; one seen by two of them is left. */
    private static final long LOOK_MILLIS = 60_000;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final TreeSet<String> underWay = new TreeSet<>();
    /** Tombstones seen, so that a disk that turns up later is checked against them. */
    private final TreeMap<VolumeId, Configuration> tombstones = new TreeMap<>();

    private final Predicate<VolumeId> known;

    /**
     * @param known whether the configuration store had a volume when it was last read
     */
    Deletions(NodeContext context, ReplicaServer replicas, Predicate<VolumeId> known) {
        this.context = context;
        this.replicas = replicas;
        this.known = known;
    }

    /** A tombstone was heard of, perhaps from a list. */
    void tombstone(Configuration heard) {
        tombstones.put(heard.volume(), heard);
        for (ServedDisk disk : replicas.disks()) {
            begin(disk, heard.volume());
        }
    }

    /** A replica was made here while the volume may have been deleted. */
    void made(VolumeId volume) {
        if (tombstones.containsKey(volume)) {
            for (ServedDisk disk : replicas.disks()) {
                begin(disk, volume);
            }
        }
    }

    /** A disk turned up. */
    void check(DiskId disk) {
        ServedDisk served = replicas.disk(disk);
        if (served != null) {
            for (VolumeId volume : new ArrayList<>(tombstones.keySet())) {
                begin(served, volume);
            }
            context.afterMillis(LOOK_MILLIS, () -> look(served, Set.of()));
        }
    }

    /** Looks for blank replicas of volumes that were never recorded, because whoever made them died before. */
    private void look(ServedDisk disk, Set<VolumeId> before) {
        if (!disk.equals(replicas.disk(disk.id()))) {
            return;
        }
        Set<VolumeId> seen = new TreeSet<>();
        for (ReplicaSlot slot : List.copyOf(disk.slots().values())) {
            if (slot.isBlank() && !known.test(slot.volume())) {
                seen.add(slot.volume());
                if (before.contains(slot.volume())) {
                    bury(disk, slot);
                }
            }
        }
        context.afterMillis(LOOK_MILLIS, () -> look(disk, seen));
    }

    /**
     * Records a tombstone where no record is: from then on nobody can record the volume any more, and its replicas,
     * which never had an owner, are erased like those of any deleted volume.
     */
    private void bury(ServedDisk disk, ReplicaSlot slot) {
        context.configStore.get(slot.volume(), outcome -> {
            if (!(outcome instanceof Read.Absent)) {
                return;
            }
            Configuration tombstone = VolumeCreator.tombstone(slot.replica().configuration(), context.newId());
            context.log.event(
                    Log.Level.WARN,
                    slot.replica().configuration().name(),
                    1,
                    "ReplicaLeft",
                    "disk " + disk.id() + " has an empty replica of volume " + slot.volume()
                            + ", which was never recorded: its creation broke, and it is erased");
            context.configStore.compareAndSet(slot.volume(), Versioned.NONE, tombstone, written -> {
                if (written instanceof Written.Applied) {
                    tombstone(tombstone);
                }
            });
        });
    }

    private void begin(ServedDisk disk, VolumeId volume) {
        ReplicaSlot slot = disk.slots().get(volume);
        if (slot == null || !underWay.add(disk.id() + "/" + volume)) {
            return;
        }
        context.configStore.get(volume, outcome -> {
            if (outcome instanceof Read.Found found && found.current().value().deleted()) {
                erase(disk, slot, found.current().value());
            } else {
                underWay.remove(disk.id() + "/" + volume);
                if (outcome instanceof Read.Unavailable) {
                    context.afterMillis(RETRY_MILLIS, () -> begin(disk, volume));
                }
            }
        });
    }

    private void erase(ServedDisk disk, ReplicaSlot slot, Configuration tombstone) {
        slot.erase(tombstone, (tag, status) -> {
            underWay.remove(disk.id() + "/" + slot.volume());
            context.log.event(
                    status == Status.OK ? Log.Level.INFO : Log.Level.WARN,
                    tombstone.name(),
                    tombstone.epoch(),
                    "ReplicaErased",
                    "disk " + disk.id() + ": " + status);
        });
    }
}
