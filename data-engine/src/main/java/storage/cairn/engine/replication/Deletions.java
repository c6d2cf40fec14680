package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.TreeMap;
import java.util.TreeSet;
import storage.cairn.engine.port.ConfigStore.Read;
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

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final TreeSet<String> underWay = new TreeSet<>();
    /** Tombstones seen, so that a disk that turns up later is checked against them. */
    private final TreeMap<VolumeId, Configuration> tombstones = new TreeMap<>();

    Deletions(NodeContext context, ReplicaServer replicas) {
        this.context = context;
        this.replicas = replicas;
    }

    /** A tombstone was heard of, perhaps from a list. */
    void tombstone(Configuration heard) {
        tombstones.put(heard.volume(), heard);
        for (ServedDisk disk : replicas.disks()) {
            begin(disk, heard.volume());
        }
    }

    /** A disk turned up. */
    void check(DiskId disk) {
        ServedDisk served = replicas.disk(disk);
        if (served != null) {
            for (VolumeId volume : new ArrayList<>(tombstones.keySet())) {
                begin(served, volume);
            }
        }
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
