package storage.cairn.cli;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ClusterStatus;
import storage.cairn.client.attach.Attachments;

/** What {@code -o json} prints: exact numbers with their units in their names. */
final class Views {
    private static final String FULL =
            "disk full: a write to blocks that hold nothing yet may fail with ENOSPC, overwrites go on. Make room by"
                    + " discarding what is not needed (fstrim, blkdiscard) or 'cairn volume delete'";

    private Views() {}

    record ClusterView(
            String clusterId, String dataDir, List<NodeView> nodes, List<DiskView> disks, List<VolumeView> volumes) {}

    record NodeView(
            int node,
            String state,
            @Nullable Long pid,
            @Nullable String reason,
            @Nullable String version,
            @Nullable Long uptimeMillis,
            @Nullable String ioMode,
            @Nullable String ioModeReason,
            @Nullable Long residentBytes,
            @Nullable List<Integer> connectedPeers,
            String controlSocket,
            String nbdSocket,
            String nbdAddress,
            String metricsAddress) {
        static NodeView of(ClusterStatus.Node node) {
            ClusterFile.Node place = node.place();
            NodeStatus status = node.status();
            return new NodeView(
                    place.node(),
                    state(node),
                    node.pid() == 0 ? null : node.pid(),
                    emptyToNull(node.problem()),
                    status == null ? null : status.getVersion(),
                    status == null ? null : status.getUptimeMillis(),
                    status == null ? null : status.getIoMode(),
                    status == null ? null : emptyToNull(status.getIoModeReason()),
                    status == null ? null : status.getResidentBytes(),
                    status == null ? null : peers(status),
                    place.controlSocket(),
                    place.nbdSocket(),
                    place.nbdAddress(),
                    place.metricsAddress());
        }

        static String state(ClusterStatus.Node node) {
            return node.answers() ? "Up" : node.pid() == 0 ? "Down" : "Silent";
        }

        private static List<Integer> peers(NodeStatus status) {
            return status.getPeersList().stream()
                    .filter(peer -> peer.getConnected())
                    .map(peer -> peer.getNode())
                    .toList();
        }
    }

    record DiskView(
            String id,
            int node,
            String path,
            String kind,
            String state,
            @Nullable String reason,
            long capacityBytes,
            long usedBytes,
            String durability,
            boolean direct,
            int replicas,
            long checksumErrors) {
        /** Less is left only for a moment at a time, or goes into the next few writes. */
        private static final long FULL_BYTES = 16L << 20;

        static DiskView of(Disk disk) {
            boolean full = full(disk);
            return new DiskView(
                    disk.getId(),
                    disk.getNode(),
                    disk.getPath(),
                    disk.getKind(),
                    full ? "Full" : disk.getState(),
                    full ? FULL : emptyToNull(disk.getReason()),
                    disk.getCapacityBytes(),
                    disk.getUsedBytes(),
                    disk.getDurability(),
                    disk.getDirect(),
                    disk.getReplicas(),
                    disk.getChecksumErrors());
        }

        private static boolean full(Disk disk) {
            long freeBytes = disk.getCapacityBytes() - disk.getUsedBytes();
            return disk.getState().equals("Ready")
                    && disk.getCapacityBytes() > 0
                    && freeBytes < Math.min(FULL_BYTES, disk.getCapacityBytes() / 100);
        }

        /** What was found damaged, in words; empty when nothing was. */
        String damage() {
            return checksumErrors == 0
                    ? ""
                    : checksumErrors + " reads since its engine started found a wrong checksum. What another replica"
                            + " holds was repaired; its engine's log names the blocks. A disk of which there are"
                            + " more and more is to be replaced";
        }

        /** Each node tells about its own disks; one that is down tells nothing. */
        static List<DiskView> all(ClusterStatus status) {
            return status.nodes().stream()
                    .filter(ClusterStatus.Node::answers)
                    .flatMap(node -> node.status() == null
                            ? java.util.stream.Stream.<Disk>empty()
                            : node.status().getDisksList().stream().filter(disk -> disk.getNode() == node.node()))
                    .map(DiskView::of)
                    .toList();
        }
    }

    record VolumeView(
            String id,
            String name,
            long sizeBytes,
            String phase,
            @Nullable String reason,
            long epoch,
            @Nullable Integer ownerNode,
            @Nullable String attachId,
            int minInSync,
            List<ReplicaView> replicas,
            @Nullable ActivityView activity,
            @Nullable AttachmentView attachment) {
        static VolumeView of(Volume volume, Optional<Attachments.Found> attachment) {
            return new VolumeView(
                    volume.getId(),
                    volume.getName(),
                    volume.getSizeBytes(),
                    volume.getPhase(),
                    emptyToNull(Views.reason(volume)),
                    volume.getEpoch(),
                    volume.getOwnerNode() == 0 ? null : volume.getOwnerNode(),
                    emptyToNull(volume.getAttachId()),
                    volume.getMinInSync(),
                    volume.getReplicasList().stream().map(ReplicaView::of).toList(),
                    volume.hasActivity() ? ActivityView.of(volume) : null,
                    attachment.map(AttachmentView::of).orElse(null));
        }
    }

    /** The block device that was made of a volume; it is lost if it says why. */
    record AttachmentView(
            String device, String state, @Nullable String reason) {
        static AttachmentView of(Attachments.Found found) {
            return new AttachmentView(found.attachment().device(), state(found), Views.emptyToNull(found.trouble()));
        }

        static String state(Attachments.Found found) {
            return found.trouble().isEmpty() ? "Attached" : "Lost";
        }
    }

    record ReplicaView(
            String disk,
            @Nullable Integer node,
            String state,
            @Nullable Long rebuildExtents,
            @Nullable Long rebuiltExtents,
            @Nullable Long copiedBytes) {
        static ReplicaView of(Replica replica) {
            boolean rebuilds = replica.hasRebuild();
            return new ReplicaView(
                    replica.getDisk(),
                    replica.getNode() == 0 ? null : replica.getNode(),
                    replica.getState(),
                    rebuilds ? replica.getRebuild().getExtentsTotal() : null,
                    rebuilds ? replica.getRebuild().getExtentsDone() : null,
                    rebuilds ? replica.getRebuild().getCopiedBytes() : null);
        }
    }

    record ActivityView(
            long reads,
            long readBytes,
            long remoteReadBytes,
            long writes,
            long writeBytes,
            int inFlight,
            int parked,
            @Nullable String activity,
            long waitMillis,
            int clients) {
        static ActivityView of(Volume volume) {
            var activity = volume.getActivity();
            return new ActivityView(
                    activity.getReads(),
                    activity.getReadBytes(),
                    activity.getRemoteReadBytes(),
                    activity.getWrites(),
                    activity.getWriteBytes(),
                    activity.getInFlight(),
                    activity.getParked(),
                    emptyToNull(activity.getActivity()),
                    activity.getWaitMillis(),
                    activity.getClients());
        }
    }

    /** Why a volume is not ready, and what will happen by itself. */
    static String reason(Volume volume) {
        boolean behind = volume.getReplicasList().stream()
                .anyMatch(replica -> !replica.getState().equals("InSync"));
        return volume.getOwnerNode() == 0 && volume.getPhase().equals("Degraded") && behind
                ? volume.getReason() + "; nobody serves it: what is behind is brought up to date as soon as enough of"
                        + " its replicas can be reached"
                : volume.getReason();
    }

    /** {@code 1:in-sync 2:syncing 40%}, in words that fit a table. */
    static String replicas(Volume volume) {
        return volume.getReplicasList().stream()
                .map(replica -> {
                    String where = replica.getNode() == 0 ? "?" : String.valueOf(replica.getNode());
                    String progress =
                            replica.hasRebuild() && replica.getRebuild().getExtentsTotal() > 0
                                    ? " "
                                            + 100
                                                    * replica.getRebuild().getExtentsDone()
                                                    / replica.getRebuild().getExtentsTotal()
                                            + "%"
                                    : "";
                    return where + ":" + replica.getState() + progress;
                })
                .collect(Collectors.joining(", "));
    }

    private static @Nullable String emptyToNull(String text) {
        return text.isEmpty() ? null : text;
    }
}
