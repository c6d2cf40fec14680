package storage.cairn.engine.replication;

import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * Erases this node's replicas of volumes that have their replicas elsewhere by now, so that their space is free again.
 *
 * <p>Each only after two looks ten seconds apart, and a quorum read of a configuration that does not name it and follows
 * from the one it holds. That it follows is not said by a higher epoch alone: a store that was restored from a backup
 * may have counted on from an older one. The owner may have told the replica itself that it is none any more. Or a disk
 * that is in sync in both says it, since it obeyed both, and accepts no configuration that does not follow from what it
 * holds. Without either, after a recovery from disks, or when anything here is ahead of the store, the replica is kept.
 */
final class Departures {
    private static final long LOOK_MILLIS = 10_000;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Function<VolumeId, @Nullable Configuration> newest;
    private final TreeSet<String> underWay = new TreeSet<>();
    /** The epoch by which a replica was kept: until there is another, nothing is asked about it. */
    private final TreeMap<String, Long> kept = new TreeMap<>();

    /**
     * @param newest what was heard of last about a volume, null: nothing
     */
    Departures(NodeContext context, ReplicaServer replicas, Function<VolumeId, @Nullable Configuration> newest) {
        this.context = context;
        this.replicas = replicas;
        this.newest = newest;
    }

    /** A disk turned up. */
    void check(DiskId disk) {
        ServedDisk served = replicas.disk(disk);
        if (served != null) {
            context.afterMillis(LOOK_MILLIS, () -> look(served, Set.of()));
        }
    }

    private void look(ServedDisk disk, Set<VolumeId> before) {
        if (!disk.equals(replicas.disk(disk.id()))) {
            return;
        }
        Set<VolumeId> seen = new TreeSet<>();
        for (ReplicaSlot slot : List.copyOf(disk.slots().values())) {
            Configuration heard = newest.apply(slot.volume());
            boolean left =
                    heard != null && !heard.deleted() && !heard.replicas().contains(disk.id());
            if (left) {
                seen.add(slot.volume());
                if (before.contains(slot.volume())) {
                    begin(disk, slot, heard);
                }
            }
        }
        context.afterMillis(LOOK_MILLIS, () -> look(disk, seen));
    }

    private void begin(ServedDisk disk, ReplicaSlot slot, Configuration heard) {
        String key = disk.id() + "/" + slot.volume();
        Long keptBy = kept.get(key);
        if ((keptBy != null && keptBy == heard.epoch()) || !underWay.add(key)) {
            return;
        }
        context.configStore.get(slot.volume(), outcome -> {
            underWay.remove(key);
            if (!(outcome instanceof Read.Found found)) {
                return;
            }
            Configuration now = found.current().value();
            Configuration last = newest.apply(slot.volume());
            Configuration held = slot.replica().configuration();
            String reason = last != null && last.provesRollBackOf(now)
                    ? "the configuration store was rolled back"
                    : whyKept(held, now, disk.id());
            if (!reason.isEmpty()) {
                kept.put(key, heard.epoch());
                told(now, Log.Level.WARN, "ReplicaKept", disk, "which its volume left: " + reason);
                return;
            }
            slot.erase(now, (tag, status) -> {
                kept.remove(key);
                told(
                        now,
                        status == Status.OK ? Log.Level.INFO : Log.Level.WARN,
                        "ReplicaErased",
                        disk,
                        "which its volume left: " + status);
            });
        });
    }

    private void told(Configuration volume, Log.Level level, String event, ServedDisk disk, String detail) {
        context.log.event(level, volume.name(), volume.epoch(), event, "that on disk " + disk.id() + ", " + detail);
    }

    /** Why a replica that holds one configuration is not to be erased by another one; empty: it is. */
    static String whyKept(Configuration held, Configuration now, DiskId disk) {
        if (now.deleted() || now.replicas().contains(disk)) {
            return "it is a member";
        }
        if (!held.volume().equals(now.volume()) || held.storeTerm() != now.storeTerm()) {
            return "the volume was recovered from disks meanwhile";
        }
        if (held.provesRollBackOf(now)) {
            return "it holds epoch " + held.epoch() + ", the configuration store has " + now.epoch();
        }
        if (!held.replicas().contains(disk)) {
            // Its owner told it that it is no member any more.
            return "";
        }
        for (DiskId other : held.inSync()) {
            if (!other.equals(disk) && now.inSync().contains(other)) {
                return "";
            }
        }
        return "no disk that was in sync with it still is";
    }
}
