package storage.cairn.engine.replication;

import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;

/**
 * What one engine knows at one moment, for status and metrics.
 *
 * @param disks of the whole cluster as far as they were announced, this node's first
 * @param volumes by name; of those owned elsewhere only what the configuration tells
 */
public record NodeView(int node, List<DiskView> disks, List<PeerView> peers, List<VolumeView> volumes) {
    /**
     * @param failure why it takes part in nothing, or null
     * @param replicas on it
     * @param checksumErrors reads of it that did not match since the engine started; 0 for disks of other nodes
     */
    public record DiskView(
            DiskId disk,
            int node,
            long capacityBytes,
            long freeBytes,
            @Nullable String failure,
            int replicas,
            long checksumErrors) {}

    /**
     * @param refused not connected since its machine says that no engine listens there
     * @param reason why it is not connected, empty otherwise
     */
    public record PeerView(int node, boolean connected, boolean refused, String reason) {}

    /** How a volume is. */
    public enum Phase {
        /** All replicas in sync. */
        READY,
        /** Served, or ready to be, with fewer, or with blocks that no replica has a good copy of. */
        DEGRADED,
        /** Not served, or its I/O waits. */
        UNAVAILABLE,
        DELETING
    }

    /**
     * @param reason why it is not READY, in words
     * @param activity from the owner only
     */
    public record VolumeView(
            Configuration configuration,
            Phase phase,
            String reason,
            List<ReplicaView> replicas,
            @Nullable ActivityView activity) {}

    public enum ReplicaState {
        IN_SYNC,
        SYNCING,
        OUT_OF_SYNC
    }

    /**
     * @param node where its disk is, or was when it was announced last; 0 when that is not known
     */
    public record ReplicaView(
            DiskId disk,
            int node,
            ReplicaState state,
            @Nullable RebuildView rebuild) {}

    public record RebuildView(long extentsTotal, long extentsDone, long copiedBytes, long startedMillis) {}

    /**
     * @param remoteReadBytes of {@code readBytes}, what came from replicas of other nodes
     * @param inFlight admitted host operations
     * @param parked of them those that wait for a membership change, plus those queued
     * @param activity what it is doing while it does not serve: TakingOver, WaitingForLeases, WaitingForReplicas,
     *     ChangingMembership, HandingOver; empty while it serves
     * @param waitMillis how long that still lasts at most, 0 when unknown
     * @param commitSeq up to which every in-sync replica holds everything
     */
    public record ActivityView(
            long reads,
            long readBytes,
            long remoteReadBytes,
            long writes,
            long writeBytes,
            int inFlight,
            int parked,
            String activity,
            long waitMillis,
            long lastRebuildCopiedBytes,
            int clients,
            long commitSeq) {}
}
