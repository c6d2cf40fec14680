package storage.cairn.engine.replication;

import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/** One open disk of this node during one stay: its replicas, and how long it stays silent after its arrival. */
final class ServedDisk {
    private final NodeContext context;
    private final ReplicaServer server;
    private final ReplicaStore store;
    private final long grantId;
    private final long silentUntilNanos;
    private final TreeMap<VolumeId, ReplicaSlot> slots = new TreeMap<>();
    private long checksumErrors;

    ServedDisk(NodeContext context, ReplicaServer server, ReplicaStore store) {
        this.context = context;
        this.server = server;
        this.store = store;
        this.grantId = context.random.nextLong() | 1;
        long silence = store.closedClean() ? 0 : context.settings.leases().startSilenceMillis();
        this.silentUntilNanos = context.now() + NodeContext.nanos(silence);
        for (Replica replica : store.replicas()) {
            slots.put(replica.volume(), new ReplicaSlot(context, this, replica, server));
        }
    }

    DiskId id() {
        return store.disk();
    }

    ReplicaStore store() {
        return store;
    }

    long grantId() {
        return grantId;
    }

    long silentLeftNanos() {
        return silentUntilNanos - context.now();
    }

    @Nullable
    String failure() {
        return store.failure();
    }

    TreeMap<VolumeId, ReplicaSlot> slots() {
        return slots;
    }

    /** The configuration that its replica of the volume holds, null when it has none. */
    @Nullable
    Configuration held(VolumeId volume) {
        ReplicaSlot slot = slots.get(volume);
        return slot == null ? null : slot.replica().configuration();
    }

    long checksumErrors() {
        return checksumErrors;
    }

    void countChecksumError() {
        checksumErrors++;
    }

    GrantSession session(int node, UUID session) {
        return server.session(node, session);
    }

    void create(Configuration configuration, Replica.Done done) {
        store.create(
                configuration,
                (tag, status) -> {
                    Replica replica = store.replica(configuration.volume());
                    if (status == Status.OK && replica != null) {
                        slots.computeIfAbsent(
                                configuration.volume(), unused -> new ReplicaSlot(context, this, replica, server));
                    }
                    done.done(tag, status);
                },
                0);
    }

    void erase(ReplicaSlot slot, Replica.Done done) {
        slots.remove(slot.volume());
        store.delete(slot.volume(), done, 0);
    }

    Grant.Disk announcement() {
        String failure = store.failure();
        return new Grant.Disk(
                id().uuid(),
                grantId,
                store.capacitySlots(),
                Math.max(0, store.freeSlots()),
                slots.size(),
                failure == null ? "" : failure);
    }
}
