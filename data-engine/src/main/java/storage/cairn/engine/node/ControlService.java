package storage.cairn.engine.node;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.ControlGrpc;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeResponse;
import storage.cairn.api.v1alpha1.GetStatusRequest;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.ListVolumesRequest;
import storage.cairn.api.v1alpha1.ListVolumesResponse;
import storage.cairn.api.v1alpha1.MarkFormattedRequest;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.ReleaseVolumeResponse;
import storage.cairn.api.v1alpha1.ReplaceDiskRequest;
import storage.cairn.api.v1alpha1.ResizeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.ShutdownRequest;
import storage.cairn.api.v1alpha1.ShutdownResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.api.v1alpha1.WatchStatusRequest;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.StorageNode;
import storage.cairn.engine.replication.VolumeAnswer;

/** The control service: each call is asked on the event loop and answered from another thread. */
final class ControlService extends ControlGrpc.ControlImplBase {
    private final Clock loop;
    private final StorageNode node;
    private final StatusSource status;
    private final StatusWatches watches;
    private final Executor writers;
    private final Runnable shutdown;

    /**
     * @param writers threads that encode and send answers
     * @param shutdown begins the orderly end of the process
     */
    ControlService(
            Clock loop,
            StorageNode node,
            StatusSource status,
            StatusWatches watches,
            Executor writers,
            Runnable shutdown) {
        this.loop = loop;
        this.node = node;
        this.status = status;
        this.watches = watches;
        this.writers = writers;
        this.shutdown = shutdown;
    }

    private <T> void onLoop(StreamObserver<T> observer, Consumer<Reply<T>> question) {
        Reply<T> reply = new Reply<>(observer, writers);
        try {
            loop.execute(() -> {
                if (!reply.cancelled()) {
                    question.accept(reply);
                }
            });
        } catch (RejectedExecutionException stopped) {
            reply.refuse(Status.Code.UNAVAILABLE, "the engine stops; ask another node");
        }
    }

    @Override
    public void getStatus(GetStatusRequest request, StreamObserver<NodeStatus> observer) {
        onLoop(observer, reply -> reply.give(status.take(), status::message));
    }

    @Override
    public void watchStatus(WatchStatusRequest request, StreamObserver<NodeStatus> observer) {
        watches.add(request.getIntervalMillis(), observer);
    }

    @Override
    public void createVolume(CreateVolumeRequest request, StreamObserver<Volume> observer) {
        onLoop(
                observer,
                reply -> node.createVolume(
                        request.getName(),
                        request.getSizeBytes(),
                        request.getReplicas(),
                        request.getMinInSync(),
                        answer -> reply.answer(answer, done -> StatusMessages.volume(done.volume()))));
    }

    @Override
    public void getVolume(GetVolumeRequest request, StreamObserver<Volume> observer) {
        onLoop(
                observer,
                reply -> node.getVolume(
                        request.getName(),
                        answer -> reply.answer(answer, done -> StatusMessages.volume(done.volume()))));
    }

    @Override
    public void listVolumes(ListVolumesRequest request, StreamObserver<ListVolumesResponse> observer) {
        onLoop(
                observer,
                reply -> node.listVolumes(answer -> {
                    if (answer instanceof VolumeAnswer.All all) {
                        reply.give(
                                all,
                                given -> ListVolumesResponse.newBuilder()
                                        .addAllVolumes(StatusMessages.volumes(given.volumes()))
                                        .build());
                    } else {
                        reply.answer(answer, done -> {
                            throw new IllegalStateException("all volumes were asked for, one answered");
                        });
                    }
                }));
    }

    @Override
    public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> observer) {
        onLoop(
                observer,
                reply -> node.deleteVolume(
                        request.getName(),
                        request.getForce(),
                        answer -> reply.answer(answer, done -> DeleteVolumeResponse.getDefaultInstance())));
    }

    @Override
    public void resizeVolume(ResizeVolumeRequest request, StreamObserver<Volume> observer) {
        onLoop(
                observer,
                reply -> node.resizeVolume(
                        request.getName(),
                        request.getSizeBytes(),
                        answer -> reply.answer(answer, done -> StatusMessages.volume(done.volume()))));
    }

    @Override
    public void replaceDisk(ReplaceDiskRequest request, StreamObserver<Volume> observer) {
        onLoop(observer, reply -> {
            DiskId lost = disk(request.getLostDisk());
            DiskId fresh = request.getNewDisk().isEmpty() ? null : disk(request.getNewDisk());
            if (lost == null || (fresh == null && !request.getNewDisk().isEmpty())) {
                reply.refuse(
                        Status.Code.INVALID_ARGUMENT,
                        "'" + (lost == null ? request.getLostDisk() : request.getNewDisk())
                                + "' is no id of a disk, which looks like 123e4567-e89b-12d3-a456-426614174000");
                return;
            }
            node.replaceDisk(
                    request.getName(),
                    lost,
                    fresh,
                    answer -> reply.answer(answer, done -> StatusMessages.volume(done.volume())));
        });
    }

    private static @Nullable DiskId disk(String text) {
        try {
            return new DiskId(UUID.fromString(text));
        } catch (IllegalArgumentException notOne) {
            return null;
        }
    }

    @Override
    public void serveVolume(ServeVolumeRequest request, StreamObserver<ServeVolumeResponse> observer) {
        onLoop(observer, reply -> serve(request, answer -> reply.answer(answer, ControlService::served)));
    }

    private void serve(ServeVolumeRequest request, VolumeAnswer.Receiver receiver) {
        if (request.getOnlyIfFree()) {
            withId(request.getReplaces(), receiver, id -> node.serveIfFree(request.getName(), id, receiver));
        } else {
            node.serve(request.getName(), receiver);
        }
    }

    /** Goes on with an attachId, or with null when none was given. */
    private static void withId(String text, VolumeAnswer.Receiver receiver, Consumer<@Nullable UUID> then) {
        UUID id = null;
        if (!text.isEmpty()) {
            try {
                id = UUID.fromString(text);
            } catch (IllegalArgumentException e) {
                receiver.answered(new VolumeAnswer.Failed(
                        VolumeAnswer.Problem.INVALID, "attach_id '" + text + "' is no UUID; give it as it was told"));
                return;
            }
        }
        then.accept(id);
    }

    @Override
    public void markFormatted(MarkFormattedRequest request, StreamObserver<Volume> observer) {
        onLoop(observer, reply -> {
            VolumeAnswer.Receiver receiver =
                    answer -> reply.answer(answer, done -> StatusMessages.volume(done.volume()));
            withId(request.getAttachId(), receiver, id -> {
                if (id == null) {
                    receiver.answered(new VolumeAnswer.Failed(
                            VolumeAnswer.Problem.INVALID, "attach_id is missing: name the export that was formatted"));
                } else {
                    node.markFormatted(request.getName(), id, receiver);
                }
            });
        });
    }

    private static ServeVolumeResponse served(VolumeAnswer.Done done) {
        Configuration configuration = done.volume().configuration();
        Configuration.Owner owner = configuration.owner();
        if (configuration.attachId() == null || owner == null) {
            throw new IllegalStateException("volume " + configuration.name() + " is served without an export");
        }
        return ServeVolumeResponse.newBuilder()
                .setAttachId(configuration.attachId().toString())
                .setExportName(configuration.name() + "/" + configuration.attachId())
                .setOwnerNode(owner.node())
                .build();
    }

    @Override
    public void releaseVolume(ReleaseVolumeRequest request, StreamObserver<ReleaseVolumeResponse> observer) {
        onLoop(
                observer,
                reply -> release(
                        request, answer -> reply.answer(answer, done -> ReleaseVolumeResponse.getDefaultInstance())));
    }

    private void release(ReleaseVolumeRequest request, VolumeAnswer.Receiver receiver) {
        withId(request.getAttachId(), receiver, id -> {
            if (id == null) {
                node.release(request.getName(), receiver);
            } else {
                node.release(request.getName(), id, receiver);
            }
        });
    }

    @Override
    public void moveVolume(MoveVolumeRequest request, StreamObserver<Volume> observer) {
        onLoop(
                observer,
                reply -> node.move(
                        request.getName(),
                        request.getNode(),
                        answer -> reply.answer(answer, done -> StatusMessages.volume(done.volume()))));
    }

    @Override
    public void shutdown(ShutdownRequest request, StreamObserver<ShutdownResponse> observer) {
        observer.onNext(ShutdownResponse.getDefaultInstance());
        observer.onCompleted();
        shutdown.run();
    }
}
