package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.NodeView;
import storage.cairn.engine.replication.StorageNode;

/** Tells everything about this node: taken on the event loop, put into a message elsewhere. */
final class StatusSource {
    private static final Path MEMORY = Path.of("/proc/self/statm");
    private static final int RESIDENT_FIELD = 1;
    private static final long PAGE_BYTES = 4096;

    private final EngineConfig config;
    private final ClusterMap cluster;
    private final StorageNode node;
    private final LocalDisks disks;
    private final String ioMode;
    private final String ioModeReason;
    private final long startedNanos = System.nanoTime();

    StatusSource(
            EngineConfig config,
            ClusterMap cluster,
            StorageNode node,
            LocalDisks disks,
            String ioMode,
            String ioModeReason) {
        this.config = config;
        this.cluster = cluster;
        this.node = node;
        this.disks = disks;
        this.ioMode = ioMode;
        this.ioModeReason = ioModeReason;
    }

    /** What was true at one moment on the loop. */
    record Taken(NodeView view, List<LocalDisk.Info> own) {}

    /** On the loop. */
    Taken take() {
        return new Taken(node.view(), disks.infos());
    }

    String ioMode() {
        return ioMode;
    }

    String ioModeReason() {
        return ioModeReason;
    }

    NodeStatus message(Taken taken) {
        ClusterFile.Node self = cluster.self();
        return NodeStatus.newBuilder()
                .setClusterId(cluster.clusterId().toString())
                .setNode(config.node())
                .setVersion(EngineVersion.current())
                .setUptimeMillis(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedNanos))
                .setIoMode(ioMode)
                .setIoModeReason(ioModeReason)
                .addAllDisks(diskMessages(taken))
                .addAllPeers(StatusMessages.peers(taken.view(), cluster))
                .addAllVolumes(StatusMessages.volumes(taken.view().volumes()))
                .setNbdSocket(self.nbdSocket())
                .setNbdTcp(self.nbdAddress())
                .setResidentBytes(residentBytes())
                .build();
    }

    /** This node's disks by its own knowledge, those of others as they were announced. */
    private List<Disk> diskMessages(Taken taken) {
        List<Disk> messages = new ArrayList<>();
        List<DiskId> own = new ArrayList<>();
        for (LocalDisk.Info info : taken.own()) {
            if (info.id() != null) {
                own.add(info.id());
            }
            Disk.Builder disk = Disk.newBuilder()
                    .setId(info.id() == null ? "" : info.id().toString())
                    .setNode(config.node())
                    .setPath(info.path())
                    .setState(info.failure().isEmpty() ? "Ready" : "Failed")
                    .setReason(info.failure())
                    .setCapacityBytes(info.capacityBytes())
                    .setUsedBytes(info.capacityBytes() - info.freeBytes())
                    .setDurability(info.volatileCache() ? "write-back" : "write-through")
                    .setDirect(info.direct())
                    .setKind(info.block() ? "block" : "file");
            for (NodeView.DiskView view : taken.view().disks()) {
                if (view.disk().equals(info.id())) {
                    disk.setReplicas(view.replicas()).setChecksumErrors(view.checksumErrors());
                }
            }
            messages.add(disk.build());
        }
        for (NodeView.DiskView view : taken.view().disks()) {
            if (!own.contains(view.disk()) && view.node() != config.node()) {
                messages.add(Disk.newBuilder()
                        .setId(view.disk().toString())
                        .setNode(view.node())
                        .setCapacityBytes(view.capacityBytes())
                        .setUsedBytes(view.capacityBytes() - view.freeBytes())
                        .setState(view.failure() == null ? "Ready" : "Failed")
                        .setReason(view.failure() == null ? "" : view.failure())
                        .setReplicas(view.replicas())
                        .build());
            }
        }
        return messages;
    }

    /** Resident memory of this process, 0 where /proc is not mounted. */
    static long residentBytes() {
        try {
            String[] fields = Files.readString(MEMORY).split(" ");
            return fields.length > RESIDENT_FIELD ? Long.parseLong(fields[RESIDENT_FIELD]) * PAGE_BYTES : 0;
        } catch (IOException | NumberFormatException e) {
            return 0;
        }
    }
}
