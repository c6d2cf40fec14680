package storage.cairn.csi;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Quantity;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.csi.spec.CapacityRange;
import storage.cairn.csi.spec.ControllerExpandVolumeRequest;
import storage.cairn.csi.spec.ControllerExpandVolumeResponse;
import storage.cairn.csi.spec.ControllerGetCapabilitiesRequest;
import storage.cairn.csi.spec.ControllerGetCapabilitiesResponse;
import storage.cairn.csi.spec.ControllerGrpc;
import storage.cairn.csi.spec.ControllerServiceCapability;
import storage.cairn.csi.spec.ControllerServiceCapability.RPC;
import storage.cairn.csi.spec.CreateVolumeRequest;
import storage.cairn.csi.spec.CreateVolumeResponse;
import storage.cairn.csi.spec.DeleteVolumeRequest;
import storage.cairn.csi.spec.DeleteVolumeResponse;
import storage.cairn.csi.spec.GetCapacityRequest;
import storage.cairn.csi.spec.GetCapacityResponse;
import storage.cairn.csi.spec.Int64Value;
import storage.cairn.csi.spec.ListVolumesRequest;
import storage.cairn.csi.spec.ListVolumesResponse;
import storage.cairn.csi.spec.ValidateVolumeCapabilitiesRequest;
import storage.cairn.csi.spec.ValidateVolumeCapabilitiesResponse;
import storage.cairn.csi.spec.VolumeCapability;

/** Makes, deletes, grows and lists volumes, by their resources alone: the replica manager and the engines do the rest. */
final class ControllerService extends ControllerGrpc.ControllerImplBase {
    private static final long POLL_MILLIS = 200;
    private static final String TOKEN = "after/";
    private static final int USUAL_REPLICAS = 3;

    private static final List<RPC.Type> CAPABILITIES = List.of(
            RPC.Type.CREATE_DELETE_VOLUME,
            RPC.Type.LIST_VOLUMES,
            RPC.Type.GET_CAPACITY,
            RPC.Type.EXPAND_VOLUME,
            RPC.Type.SINGLE_NODE_MULTI_WRITER);

    private final VolumeResources volumes;
    private final Calls calls;
    private final OperationLocks locks = new OperationLocks();

    ControllerService(VolumeResources volumes, Calls calls) {
        this.volumes = volumes;
        this.calls = calls;
    }

    @Override
    public void controllerGetCapabilities(
            ControllerGetCapabilitiesRequest request, StreamObserver<ControllerGetCapabilitiesResponse> observer) {
        ControllerGetCapabilitiesResponse.Builder answer = ControllerGetCapabilitiesResponse.newBuilder();
        for (RPC.Type type : CAPABILITIES) {
            answer.addCapabilities(ControllerServiceCapability.newBuilder()
                    .setRpc(RPC.newBuilder().setType(type)));
        }
        calls.answer("ControllerGetCapabilities", "", observer, answer::build);
    }

    @Override
    public void createVolume(CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> observer) {
        calls.answer("CreateVolume", request.getName(), observer, () -> {
            String name = VolumeNames.of(request.getName());
            AccessModes.require(request.getVolumeCapabilitiesList());
            ClassParameters parameters = ClassParameters.parse(request.getParametersMap());
            if (request.getChangeableParametersCount() > 0) {
                throw CsiException.invalid(
                        "there are no parameters that can be changed: leave the" + " VolumeAttributesClass out");
            }
            if (request.hasVolumeContentSource()) {
                throw CsiException.invalid("a volume begins empty: snapshots and clones are not supported");
            }
            long sizeBytes = SizeRange.choose(request.getCapacityRange());
            Deadline deadline = Deadline.ofCall();
            return locks.alone(name, "CreateVolume", () -> create(name, request, parameters, sizeBytes, deadline));
        });
    }

    private CreateVolumeResponse create(
            String name, CreateVolumeRequest request, ClassParameters parameters, long sizeBytes, Deadline deadline) {
        Volume volume = volumes.named(name).orElse(null);
        if (volume == null) {
            Topologies.require(request.getAccessibilityRequirements());
            StoragePoolSpec pool = volumes.pool(parameters.pool());
            int replicas = replicas(parameters, pool);
            requireRoom(parameters, pool, replicas, sizeBytes);
            volume = volumes.create(
                    name,
                    request.getName(),
                    VolumeResources.claim(request.getName(), request.getParametersMap()),
                    new VolumeSpec(
                            UUID.randomUUID().toString(),
                            new Quantity(Long.toString(sizeBytes)),
                            parameters.pool(),
                            replicas,
                            parameters.minInSync(),
                            parameters.locality(),
                            parameters.spread(),
                            null,
                            null,
                            Topologies.preferred(request.getAccessibilityRequirements()),
                            parameters.restoreWindowSeconds()));
        }
        requireSame(volume, request, parameters);
        return CreateVolumeResponse.newBuilder()
                .setVolume(message(awaitReplicas(volume, deadline)))
                .build();
    }

    private static int replicas(ClassParameters parameters, StoragePoolSpec pool) {
        Integer own = parameters.replicas();
        Integer usual = pool.replicas();
        int replicas = own != null ? own : usual != null ? usual : USUAL_REPLICAS;
        Integer minInSync = parameters.minInSync();
        if (minInSync != null && minInSync > replicas) {
            throw CsiException.invalid("minInSync " + minInSync + " is more than the " + replicas
                    + " replicas that pool '" + parameters.pool() + "' gives: name 'replicas' in the StorageClass too");
        }
        return replicas;
    }

    /** Before anything is made: the scheduler may then choose another node, or a person another size. */
    private void requireRoom(ClassParameters parameters, StoragePoolSpec pool, int replicas, long sizeBytes) {
        Room room = volumes.room(parameters.pool(), pool, parameters.spread());
        long largest = room.largest(replicas);
        if (largest < sizeBytes) {
            throw new CsiException(
                    Status.Code.RESOURCE_EXHAUSTED,
                    "pool '" + parameters.pool() + "' has no room for " + replicas + " replicas of " + sizeBytes
                            + " bytes: it has disks with room in " + room.domains() + " places, and the largest volume"
                            + " that fits has " + largest + " bytes. Add disks or nodes, or ask for less");
        }
    }

    private static void requireSame(Volume volume, CreateVolumeRequest request, ClassParameters parameters) {
        VolumeSpec spec = volume.getSpec();
        String name = volume.getMetadata().getName();
        if (VolumeResources.isDeleted(volume)) {
            throw exists(name, "it was deleted and can be restored for a time ('cairn volume undelete " + name + "')");
        }
        if (!SizeRange.matches(request.getCapacityRange(), VolumeResources.sizeBytes(volume))) {
            throw exists(name, "it has " + VolumeResources.sizeBytes(volume) + " bytes");
        }
        Integer replicas = parameters.replicas();
        if (!spec.pool().equals(parameters.pool()) || (replicas != null && replicas != spec.replicas())) {
            throw exists(name, "it has " + spec.replicas() + " replicas in pool '" + spec.pool() + "'");
        }
    }

    private static CsiException exists(String name, String how) {
        return new CsiException(
                Status.Code.ALREADY_EXISTS, "another volume has the name " + name + ": " + how + ". Use another name");
    }

    /** Waits until its replicas are placed, so that a pod that gets the volume can use it. */
    private Volume awaitReplicas(Volume made, Deadline deadline) {
        Volume volume = made;
        while (true) {
            VolumeStatus status = volume.getStatus();
            VolumeStatus.Phase phase = status == null ? null : status.phase();
            if (phase == VolumeStatus.Phase.READY || phase == VolumeStatus.Phase.DEGRADED) {
                return volume;
            }
            requirePlaceable(volume);
            if (deadline.isOver()) {
                throw new CsiException(
                        Status.Code.DEADLINE_EXCEEDED,
                        "volume " + made.getMetadata().getName() + " is not ready yet: " + reason(status));
            }
            deadline.pause(POLL_MILLIS);
            volume = volumes.named(made.getMetadata().getName())
                    .orElseThrow(() -> new CsiException(
                            Status.Code.ABORTED, "volume " + made.getMetadata().getName() + " was deleted meanwhile"));
        }
    }

    /** Others may have taken the room meanwhile: nothing is left behind, and the pod may be scheduled elsewhere. */
    private void requirePlaceable(Volume volume) {
        VolumeStatus status = volume.getStatus();
        List<Condition> conditions = status == null ? null : status.conditions();
        if (conditions == null) {
            return;
        }
        for (Condition each : conditions) {
            if (each.getType().equals("Placed")
                    && each.getStatus().equals("False")
                    && List.of("NoSpace", "NoPool", "TooFewDomains").contains(each.getReason())) {
                volumes.requestDeletion(volume);
                throw new CsiException(Status.Code.RESOURCE_EXHAUSTED, each.getMessage());
            }
        }
    }

    private static String reason(@Nullable VolumeStatus status) {
        String reason = status == null ? null : status.reason();
        return reason == null || reason.isEmpty() ? "the replica manager said nothing; does it run?" : reason;
    }

    static storage.cairn.csi.spec.Volume message(Volume volume) {
        return storage.cairn.csi.spec.Volume.newBuilder()
                .setVolumeId(volume.getSpec().id())
                .setCapacityBytes(VolumeResources.sizeBytes(volume))
                .putVolumeContext("volume", volume.getMetadata().getName())
                .addAllAccessibleTopology(Topologies.ofVolume())
                .build();
    }

    @Override
    public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> observer) {
        calls.answer("DeleteVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            return locks.alone(request.getVolumeId(), "DeleteVolume", () -> delete(request.getVolumeId()));
        });
    }

    private DeleteVolumeResponse delete(String id) {
        Optional<Volume> found = volumes.byId(id);
        if (found.isPresent() && found.get().getSpec().deleteRequest() == null) {
            String node = volumes.attachedTo(id);
            if (!node.isEmpty()) {
                throw CsiException.precondition("volume " + id + " is in use on node " + node
                        + ": it can be deleted when no pod has it there any more");
            }
            volumes.requestDeletion(found.get());
        }
        return DeleteVolumeResponse.getDefaultInstance();
    }

    @Override
    public void controllerExpandVolume(
            ControllerExpandVolumeRequest request, StreamObserver<ControllerExpandVolumeResponse> observer) {
        calls.answer("ControllerExpandVolume", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            if (!request.hasCapacityRange()) {
                throw CsiException.invalid("capacity_range is missing: say how large the volume is to be");
            }
            if (request.hasVolumeCapability()) {
                AccessModes.require(request.getVolumeCapability());
            }
            return locks.alone(request.getVolumeId(), "ControllerExpandVolume", () -> expand(request));
        });
    }

    /** The node grows what the pod sees; a volume that no node has grows when it is staged next. */
    private ControllerExpandVolumeResponse expand(ControllerExpandVolumeRequest request) {
        Volume volume = volumes.require(request.getVolumeId());
        long before = VolumeResources.sizeBytes(volume);
        CapacityRange range = request.getCapacityRange();
        long wanted = SizeRange.choose(range);
        if (range.getLimitBytes() != 0 && before > range.getLimitBytes()) {
            throw new CsiException(
                    Status.Code.OUT_OF_RANGE,
                    "volume " + request.getVolumeId() + " has " + before + " bytes already, and volumes never shrink");
        }
        if (wanted > before) {
            VolumeSpec spec = volume.getSpec();
            StoragePoolSpec pool = volumes.pool(spec.pool());
            Room room = volumes.room(spec.pool(), pool, spec.spread());
            long largest = room.largest(spec.replicas());
            // With a disk away nothing can be said now; the replica manager lets the volume grow when there is room.
            if (room.domains() >= spec.replicas() && wanted - before > largest) {
                throw new CsiException(
                        Status.Code.OUT_OF_RANGE,
                        "pool '" + spec.pool() + "' has no room for " + (wanted - before)
                                + " bytes more on each of " + spec.replicas() + " disks; " + largest
                                + " are left. Add disks");
            }
            volumes.resize(volume, wanted);
        }
        return ControllerExpandVolumeResponse.newBuilder()
                .setCapacityBytes(Math.max(wanted, before))
                .setNodeExpansionRequired(true)
                .build();
    }

    @Override
    public void validateVolumeCapabilities(
            ValidateVolumeCapabilitiesRequest request, StreamObserver<ValidateVolumeCapabilitiesResponse> observer) {
        calls.answer("ValidateVolumeCapabilities", request.getVolumeId(), observer, () -> {
            VolumeNames.requireId(request.getVolumeId());
            if (request.getVolumeCapabilitiesCount() == 0) {
                throw CsiException.invalid("volume_capabilities is missing");
            }
            volumes.require(request.getVolumeId());
            for (VolumeCapability each : request.getVolumeCapabilitiesList()) {
                String problem = AccessModes.problem(each);
                if (!problem.isEmpty()) {
                    return ValidateVolumeCapabilitiesResponse.newBuilder()
                            .setMessage(problem)
                            .build();
                }
            }
            return ValidateVolumeCapabilitiesResponse.newBuilder()
                    .setConfirmed(ValidateVolumeCapabilitiesResponse.Confirmed.newBuilder()
                            .putAllVolumeContext(request.getVolumeContextMap())
                            .addAllVolumeCapabilities(request.getVolumeCapabilitiesList())
                            .putAllParameters(request.getParametersMap()))
                    .build();
        });
    }

    @Override
    public void listVolumes(ListVolumesRequest request, StreamObserver<ListVolumesResponse> observer) {
        calls.answer("ListVolumes", "", observer, () -> {
            if (request.getMaxEntries() < 0) {
                throw CsiException.invalid("max_entries is negative");
            }
            String token = request.getStartingToken();
            if (!token.isEmpty() && !token.startsWith(TOKEN)) {
                throw new CsiException(
                        Status.Code.ABORTED, "starting_token is none that ListVolumes gave: list from the beginning");
            }
            String after = token.isEmpty() ? "" : token.substring(TOKEN.length());
            List<Volume> rest = volumes.list().stream()
                    .filter(volume -> volume.getMetadata().getName().compareTo(after) > 0)
                    .toList();
            int count = request.getMaxEntries() == 0 ? rest.size() : Math.min(rest.size(), request.getMaxEntries());
            ListVolumesResponse.Builder answer = ListVolumesResponse.newBuilder();
            rest.subList(0, count)
                    .forEach(volume -> answer.addEntries(
                            ListVolumesResponse.Entry.newBuilder().setVolume(message(volume))));
            if (count < rest.size()) {
                answer.setNextToken(TOKEN + rest.get(count - 1).getMetadata().getName());
            }
            return answer.build();
        });
    }

    @Override
    public void getCapacity(GetCapacityRequest request, StreamObserver<GetCapacityResponse> observer) {
        calls.answer("GetCapacity", "", observer, () -> {
            ClassParameters parameters = ClassParameters.parse(request.getParametersMap());
            for (VolumeCapability each : request.getVolumeCapabilitiesList()) {
                if (!AccessModes.problem(each).isEmpty()) {
                    return capacity(0, 0);
                }
            }
            String node = request.getAccessibleTopology().getSegmentsMap().get(Topologies.NODE);
            if (node != null && !volumes.hasEngine(node)) {
                return capacity(0, 0);
            }
            StoragePoolSpec pool = volumes.pool(parameters.pool());
            int replicas = replicas(parameters, pool);
            Room room = volumes.room(parameters.pool(), pool, parameters.spread());
            return capacity(rounded(room.total(replicas)), rounded(room.largest(replicas)));
        });
    }

    private static GetCapacityResponse capacity(long available, long largest) {
        return GetCapacityResponse.newBuilder()
                .setAvailableCapacity(available)
                .setMaximumVolumeSize(Int64Value.newBuilder().setValue(largest))
                .setMinimumVolumeSize(Int64Value.newBuilder().setValue(SizeRange.MIN_BYTES))
                .build();
    }

    /** To about one percent, downwards: each change of it is an object that is written, for every node and class. */
    private static long rounded(long bytes) {
        long step = Math.max(SizeRange.MIN_BYTES, Long.highestOneBit(Math.max(1, bytes)) >> 6);
        return bytes / step * step;
    }
}
