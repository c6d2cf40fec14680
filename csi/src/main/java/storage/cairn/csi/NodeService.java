package storage.cairn.csi;

import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import storage.cairn.api.resource.Volume;
import storage.cairn.client.attach.Attachments;
import storage.cairn.csi.spec.NodeExpandVolumeRequest;
import storage.cairn.csi.spec.NodeExpandVolumeResponse;
import storage.cairn.csi.spec.NodeGetCapabilitiesRequest;
import storage.cairn.csi.spec.NodeGetCapabilitiesResponse;
import storage.cairn.csi.spec.NodeGetInfoRequest;
import storage.cairn.csi.spec.NodeGetInfoResponse;
import storage.cairn.csi.spec.NodeGetVolumeStatsRequest;
import storage.cairn.csi.spec.NodeGetVolumeStatsResponse;
import storage.cairn.csi.spec.NodeGrpc;
import storage.cairn.csi.spec.NodePublishVolumeRequest;
import storage.cairn.csi.spec.NodePublishVolumeResponse;
import storage.cairn.csi.spec.NodeServiceCapability;
import storage.cairn.csi.spec.NodeServiceCapability.RPC;
import storage.cairn.csi.spec.NodeStageVolumeRequest;
import storage.cairn.csi.spec.NodeStageVolumeResponse;
import storage.cairn.csi.spec.NodeUnpublishVolumeRequest;
import storage.cairn.csi.spec.NodeUnpublishVolumeResponse;
import storage.cairn.csi.spec.NodeUnstageVolumeRequest;
import storage.cairn.csi.spec.NodeUnstageVolumeResponse;
import storage.cairn.csi.spec.VolumeUsage;

/** What kubelet asks of this node: volumes staged, shown to pods, measured and grown. One call for a volume at a time. */
final class NodeService extends NodeGrpc.NodeImplBase {
    private static final long STATS_SECONDS = 10;
    private static final List<RPC.Type> CAPABILITIES = List.of(
            RPC.Type.STAGE_UNSTAGE_VOLUME,
            RPC.Type.GET_VOLUME_STATS,
            RPC.Type.EXPAND_VOLUME,
            RPC.Type.SINGLE_NODE_MULTI_WRITER);

    private final String node;
    private final VolumeResources volumes;
    private final EngineControl engine;
    private final Attachments attachments;
    private final Staging staging;
    private final Publishing publishing;
    private final Calls calls;
    private final OperationLocks locks;

    NodeService(
            String node,
            StagedVolumes staged,
            Staging staging,
            Attachments attachments,
            VolumeResources volumes,
            EngineControl engine,
            OperationLocks locks,
            Calls calls) {
        this.node = node;
        this.volumes = volumes;
        this.engine = engine;
        this.calls = calls;
        this.attachments = attachments;
        this.staging = staging;
        this.publishing = new Publishing(staging, staged);
        this.locks = locks;
    }

    @Override
    public void nodeGetCapabilities(
            NodeGetCapabilitiesRequest request, StreamObserver<NodeGetCapabilitiesResponse> observer) {
        NodeGetCapabilitiesResponse.Builder answer = NodeGetCapabilitiesResponse.newBuilder();
        for (RPC.Type type : CAPABILITIES) {
            answer.addCapabilities(
                    NodeServiceCapability.newBuilder().setRpc(RPC.newBuilder().setType(type)));
        }
        calls.answer("NodeGetCapabilities", "", observer, answer::build);
    }

    @Override
    public void nodeGetInfo(NodeGetInfoRequest request, StreamObserver<NodeGetInfoResponse> observer) {
        calls.answer(
                "NodeGetInfo",
                "",
                observer,
                () -> NodeGetInfoResponse.newBuilder()
                        .setNodeId(node)
                        .setMaxVolumesPerNode(Attachments.limit())
                        .setAccessibleTopology(Topologies.ofNode(node))
                        .build());
    }

    @Override
    public void nodeStageVolume(NodeStageVolumeRequest request, StreamObserver<NodeStageVolumeResponse> observer) {
        calls.answer("NodeStageVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            if (!request.hasVolumeCapability()) {
                throw CsiException.invalid("volume_capability is missing");
            }
            Staging.Wanted wanted = Staging.Wanted.of(
                    request.getVolumeId(), request.getStagingTargetPath(), request.getVolumeCapability());
            Deadline deadline = Deadline.ofCall();
            return locks.alone(wanted.id(), "NodeStageVolume", () -> {
                staging.stage(wanted, deadline);
                return NodeStageVolumeResponse.getDefaultInstance();
            });
        });
    }

    @Override
    public void nodeUnstageVolume(
            NodeUnstageVolumeRequest request, StreamObserver<NodeUnstageVolumeResponse> observer) {
        calls.answer("NodeUnstageVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            Path path = required(request.getStagingTargetPath(), "staging_target_path");
            Deadline deadline = Deadline.ofCall();
            return locks.alone(request.getVolumeId(), "NodeUnstageVolume", () -> {
                staging.unstage(request.getVolumeId(), path, deadline);
                return NodeUnstageVolumeResponse.getDefaultInstance();
            });
        });
    }

    @Override
    public void nodePublishVolume(
            NodePublishVolumeRequest request, StreamObserver<NodePublishVolumeResponse> observer) {
        calls.answer("NodePublishVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            var unused = required(request.getTargetPath(), "target_path");
            if (!request.hasVolumeCapability()) {
                throw CsiException.invalid("volume_capability is missing");
            }
            AccessModes.require(request.getVolumeCapability());
            if (request.getStagingTargetPath().isEmpty()) {
                throw CsiException.precondition("staging_target_path is missing: the volume has to be staged before");
            }
            return locks.alone(request.getVolumeId(), "NodePublishVolume", () -> {
                publishing.publish(request);
                return NodePublishVolumeResponse.getDefaultInstance();
            });
        });
    }

    @Override
    public void nodeUnpublishVolume(
            NodeUnpublishVolumeRequest request, StreamObserver<NodeUnpublishVolumeResponse> observer) {
        calls.answer("NodeUnpublishVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            Path target = required(request.getTargetPath(), "target_path");
            return locks.alone(request.getVolumeId(), "NodeUnpublishVolume", () -> {
                publishing.unpublish(request.getVolumeId(), target);
                return NodeUnpublishVolumeResponse.getDefaultInstance();
            });
        });
    }

    private static Path required(String path, String field) {
        requireGiven(path, field);
        return Staging.absolute(path);
    }

    private static void requireGiven(String path, String field) {
        if (path.isEmpty()) {
            throw CsiException.invalid(field + " is missing");
        }
    }

    /** The path at which a pod has the volume. */
    private static Path there(String text) {
        Path path = Path.of(text);
        if (!Files.exists(path)) {
            throw CsiException.notFound(path + " does not exist: the volume is not published there");
        }
        return path;
    }

    @Override
    public void nodeGetVolumeStats(
            NodeGetVolumeStatsRequest request, StreamObserver<NodeGetVolumeStatsResponse> observer) {
        calls.answer("NodeGetVolumeStats", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            requireGiven(request.getVolumePath(), "volume_path");
            StagedVolume record = staging.requireStaged(request.getVolumeId());
            Path path = there(request.getVolumePath());
            return record.isBlock() ? blockStats(record) : fileStats(path);
        });
    }

    private NodeGetVolumeStatsResponse blockStats(StagedVolume record) {
        return NodeGetVolumeStatsResponse.newBuilder()
                .addUsage(VolumeUsage.newBuilder()
                        .setUnit(VolumeUsage.Unit.BYTES)
                        .setTotal(Filesystems.deviceBytes(staging.device(record))))
                .build();
    }

    /** By a program, which may be left behind if the filesystem does not answer. */
    private static NodeGetVolumeStatsResponse fileStats(Path path) {
        Commands.Result result =
                Commands.run(STATS_SECONDS, "stat", "--file-system", "--format", "%S %b %f %a %c %d", path.toString());
        String[] fields = result.output().split(" ");
        if (!result.ok() || fields.length != 6) {
            throw CsiException.internal(path + " cannot be measured: " + result.output(), null);
        }
        long block = Long.parseLong(fields[0]);
        long blocks = Long.parseLong(fields[1]);
        long free = Long.parseLong(fields[2]);
        long inodes = Long.parseLong(fields[4]);
        long freeInodes = Long.parseLong(fields[5]);
        return NodeGetVolumeStatsResponse.newBuilder()
                .addUsage(VolumeUsage.newBuilder()
                        .setUnit(VolumeUsage.Unit.BYTES)
                        .setTotal(block * blocks)
                        .setUsed(block * (blocks - free))
                        .setAvailable(block * Long.parseLong(fields[3])))
                .addUsage(VolumeUsage.newBuilder()
                        .setUnit(VolumeUsage.Unit.INODES)
                        .setTotal(inodes)
                        .setUsed(inodes - freeInodes)
                        .setAvailable(freeInodes))
                .build();
    }

    @Override
    public void nodeExpandVolume(NodeExpandVolumeRequest request, StreamObserver<NodeExpandVolumeResponse> observer) {
        calls.answer("NodeExpandVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            requireGiven(request.getVolumePath(), "volume_path");
            Deadline deadline = Deadline.ofCall();
            return locks.alone(request.getVolumeId(), "NodeExpandVolume", () -> {
                Volume volume = volumes.require(request.getVolumeId());
                StagedVolume record = staging.requireStaged(request.getVolumeId());
                var unused = there(request.getVolumePath());
                long wanted = VolumeResources.sizeBytes(volume);
                if (wanted < request.getCapacityRange().getRequiredBytes()) {
                    throw new CsiException(
                            io.grpc.Status.Code.OUT_OF_RANGE,
                            "volume " + record.id() + " is to have " + wanted + " bytes: let the controller grow it");
                }
                return NodeExpandVolumeResponse.newBuilder()
                        .setCapacityBytes(expand(record, wanted, deadline))
                        .build();
            });
        });
    }

    /** Replicas and membership first, then the device, then the filesystem. */
    private long expand(StagedVolume record, long wanted, Deadline deadline) {
        String device = staging.device(record);
        if (engine.volume(record.volume(), deadline).getSizeBytes() < wanted) {
            engine.resize(record.volume(), wanted, deadline);
        }
        attachments.grow(record.id(), wanted);
        if (!record.isBlock() && !record.mountFlags().contains("ro")) {
            Filesystems.grow(record.filesystem(), device, Path.of(record.stagingPath()));
        }
        return Filesystems.deviceBytes(device);
    }
}
