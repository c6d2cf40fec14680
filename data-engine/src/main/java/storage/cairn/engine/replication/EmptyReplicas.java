package storage.cairn.engine.replication;

import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * Makes the empty replicas that a configuration names on disks of this node: where a volume begins that nobody ever
 * owned, and where a replica joins of which nothing is expected. An empty replica is right in these two cases alone,
 * and whether it is one of them a quorum read says.
 */
final class EmptyReplicas {
    private static final long RETRY_MILLIS = 1_000;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Consumer<VolumeId> made;
    private final Set<String> underWay = new HashSet<>();

    /**
     * @param made told of each volume that has a new replica here: it may have been deleted meanwhile
     */
    EmptyReplicas(NodeContext context, ReplicaServer replicas, Consumer<VolumeId> made) {
        this.context = context;
        this.replicas = replicas;
        this.made = made;
    }

    /** A configuration was heard of, or a disk turned up. */
    void check(Configuration heard) {
        for (ServedDisk disk : replicas.disks()) {
            if (lacks(disk, heard)) {
                begin(disk.id(), heard.volume());
            }
        }
    }

    private static boolean lacks(ServedDisk disk, Configuration configuration) {
        return disk.failure() == null
                && !disk.slots().containsKey(configuration.volume())
                && beginsEmpty(configuration, disk.id());
    }

    static boolean beginsEmpty(Configuration configuration, DiskId disk) {
        boolean untouched =
                configuration.storeTerm() == 1 && configuration.epoch() == 1 && configuration.owner() == null;
        return !configuration.deleted()
                && ((untouched && configuration.inSync().contains(disk))
                        || configuration.outOfSync().contains(new Stale(disk, 0)));
    }

    private void begin(DiskId disk, VolumeId volume) {
        String key = disk + "/" + volume;
        if (!underWay.add(key)) {
            return;
        }
        context.configStore.get(volume, outcome -> {
            ServedDisk served = replicas.disk(disk);
            if (served != null
                    && outcome instanceof Read.Found found
                    && lacks(served, found.current().value())) {
                make(served, found.current().value(), key);
                return;
            }
            underWay.remove(key);
            if (outcome instanceof Read.Unavailable) {
                context.afterMillis(RETRY_MILLIS, () -> begin(disk, volume));
            }
        });
    }

    private void make(ServedDisk disk, Configuration configuration, String key) {
        disk.create(configuration, (tag, status) -> {
            underWay.remove(key);
            context.log.event(
                    status == Status.OK ? Log.Level.INFO : Log.Level.WARN,
                    configuration.name(),
                    configuration.epoch(),
                    "ReplicaMade",
                    "disk " + disk.id() + ": " + status);
            if (status == Status.OK) {
                made.accept(configuration.volume());
            }
        });
    }
}
