package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.store.ReplicaStore;

/** The replicas of this node for whoever owns their volumes, and the grants that those owners rely on. */
final class ReplicaServer implements ReplicaSlot.Revoked {
    /** How long a replica waits to be taken out before its node ends: an owner that can spare it needs far less. */
    private static final long LEAVE_MILLIS = 2_000;

    private static final long LEAVE_STEP_MILLIS = 2;

    private final NodeContext context;
    private final TreeMap<DiskId, ServedDisk> disks = new TreeMap<>();
    /** The running process of each node, as far as it was heard. */
    private final Map<Integer, GrantSession> sessions = new HashMap<>();
    /** Runs of processes that another run of the same node has followed: their grants are never renewed again. */
    private final Set<UUID> retired = new HashSet<>();

    private ReplicaSlot.Revoked localOwners = (session, exception) -> {};

    ReplicaServer(NodeContext context) {
        this.context = context;
    }

    /** Who hears of grants of this node's own owners that are not renewed any more. */
    void localOwners(ReplicaSlot.Revoked listener) {
        localOwners = listener;
    }

    void add(ReplicaStore store) {
        if (disks.containsKey(store.disk())) {
            throw new IllegalStateException("disk " + store.disk() + " is in use already");
        }
        disks.put(store.disk(), new ServedDisk(context, this, store));
    }

    void remove(DiskId disk, String reason) {
        ServedDisk served = disks.remove(disk);
        if (served != null) {
            for (ReplicaSlot slot : List.copyOf(served.slots().values())) {
                slot.close(reason);
            }
        }
    }

    Collection<ServedDisk> disks() {
        return disks.values();
    }

    @Nullable
    ServedDisk disk(DiskId disk) {
        return disks.get(disk);
    }

    /** Whether the disk is open here and healthy: a replica that it lacks, it does not have. */
    boolean serves(DiskId disk) {
        ServedDisk served = disks.get(disk);
        return served != null && served.failure() == null;
    }

    @Nullable
    ReplicaSlot slot(DiskId disk, VolumeId volume) {
        ServedDisk served = disks.get(disk);
        return served == null ? null : served.slots().get(volume);
    }

    /** Whether such a run of a node may still speak: another has not followed it. */
    boolean speaks(UUID session) {
        return !retired.contains(session);
    }

    GrantSession session(int node, UUID id) {
        GrantSession present = sessions.get(node);
        if (present != null && present.id.equals(id)) {
            return present;
        }
        if (present != null) {
            retired.add(present.id);
        }
        GrantSession fresh = new GrantSession(node, id);
        sessions.put(node, fresh);
        return fresh;
    }

    Grant renew(GrantSession session, long seenSequence) {
        return session.renew(context.now(), seenSequence, announcement());
    }

    List<Grant.Disk> announcement() {
        List<Grant.Disk> announced = new ArrayList<>();
        for (ServedDisk disk : disks.values()) {
            if (announced.size() < Grant.MAX_DISKS) {
                announced.add(disk.announcement());
            }
        }
        return announced;
    }

    @Override
    public void revoked(GrantSession session, Grant.Exception exception) {
        if (session.id.equals(context.session)) {
            localOwners.revoked(session, exception);
        }
    }

    /**
     * This node shuts down: has every owner take its replicas out while they still serve, for a bounded time.
     *
     * @param expected volumes that were served here and that a new owner takes over: it is waited for, because an owner
     *     that finds a replica gone has to find out that it is
     */
    void leave(Set<VolumeId> expected, Runnable then) {
        for (ServedDisk disk : disks.values()) {
            disk.slots().values().forEach(ReplicaSlot::leaving);
        }
        awaitLeft(expected, context.now() + NodeContext.nanos(LEAVE_MILLIS), then);
    }

    private void awaitLeft(Set<VolumeId> expected, long deadlineNanos, Runnable then) {
        boolean left = disks.values().stream()
                .flatMap(disk -> disk.slots().values().stream())
                .noneMatch(slot -> slot.hasClient() || (expected.contains(slot.volume()) && !slot.farewellSaid()));
        if (left || deadlineNanos - context.now() <= 0) {
            context.clock.execute(then);
        } else {
            context.afterMillis(LEAVE_STEP_MILLIS, () -> awaitLeft(expected, deadlineNanos, then));
        }
    }

    /** Whether some owner elsewhere may still rely on a grant of this node. */
    boolean grantsOutstanding() {
        for (ServedDisk disk : disks.values()) {
            for (ReplicaSlot slot : disk.slots().values()) {
                if (slot.grant().isElsewhere() || slot.mayHaveForgottenGrants()) {
                    return true;
                }
            }
        }
        return false;
    }
}
