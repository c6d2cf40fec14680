package storage.cairn.csi;

import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.ControlGrpc;
import storage.cairn.api.v1alpha1.GetStatusRequest;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.MarkFormattedRequest;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.ResizeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.client.attach.Attachments;

/** Asks the engine of this node, over its unix socket. While the engine restarts, questions wait for it. */
final class EngineControl implements AutoCloseable {
    private static final long CALL_MILLIS = 30_000;
    private static final long RELEASE_MILLIS = 20_000;
    private static final long PAUSE_MILLIS = 500;

    private final Path folder;
    private final EventLoopGroup loop =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("engine", true), NioIoHandler.newFactory());
    private final ManagedChannel channel;

    /** @param folder of the engine, where its sockets are */
    EngineControl(Path folder) {
        this.folder = folder;
        this.channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(folder.resolve("control.sock")))
                .eventLoopGroup(loop)
                .channelType(NioDomainSocketChannel.class)
                .overrideAuthority("localhost")
                .directExecutor()
                .usePlaintext()
                .build();
    }

    NodeStatus status() {
        return once(CALL_MILLIS, stub -> stub.getStatus(GetStatusRequest.getDefaultInstance()));
    }

    /** Hands a volume, with the export that it has, to another node. */
    void move(String name, int toNode) {
        var _ = once(
                CALL_MILLIS,
                stub -> stub.moveVolume(MoveVolumeRequest.newBuilder()
                        .setName(name)
                        .setNode(toNode)
                        .build()));
    }

    boolean answers() {
        try {
            var _ = once(PAUSE_MILLIS, stub -> stub.getStatus(GetStatusRequest.getDefaultInstance()));
            return true;
        } catch (StatusRuntimeException e) {
            return false;
        }
    }

    Volume volume(String name, Deadline deadline) {
        return patiently(
                deadline,
                stub -> stub.getVolume(
                        GetVolumeRequest.newBuilder().setName(name).build()));
    }

    /**
     * Has the volume served by this node, once no other living node serves it. An export that this node serves already
     * is of an attempt that did not get as far as a device, or whose device is gone.
     */
    Attachments.Export serve(String name, Deadline deadline) {
        ServeVolumeResponse served = patiently(deadline, stub -> {
            int node = stub.getStatus(GetStatusRequest.getDefaultInstance()).getNode();
            Volume now =
                    stub.getVolume(GetVolumeRequest.newBuilder().setName(name).build());
            return stub.serveVolume(ServeVolumeRequest.newBuilder()
                    .setName(name)
                    .setOnlyIfFree(true)
                    .setReplaces(now.getOwnerNode() == node ? now.getAttachId() : "")
                    .build());
        });
        String socket = URLEncoder.encode(folder.resolve("nbd.sock").toString(), StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("%2F", "/");
        return new Attachments.Export(
                served.getExportName(),
                List.of("nbd+unix:///" + served.getExportName() + "?socket=" + socket),
                volume(name, deadline).getSizeBytes());
    }

    /** Ends this export; one that was superseded is left alone. */
    void release(String name, String attachId, Deadline deadline) {
        ReleaseVolumeRequest request = ReleaseVolumeRequest.newBuilder()
                .setName(name)
                .setAttachId(attachId)
                .build();
        Deadline limit = Deadline.in(Math.min(deadline.leftMillis(), RELEASE_MILLIS));
        try {
            patiently(limit, stub -> stub.releaseVolume(request));
        } catch (CsiException e) {
            if (e.code() != Status.Code.NOT_FOUND) {
                throw e;
            }
        }
    }

    Volume resize(String name, long sizeBytes, Deadline deadline) {
        ResizeVolumeRequest request = ResizeVolumeRequest.newBuilder()
                .setName(name)
                .setSizeBytes(sizeBytes)
                .build();
        return patiently(deadline, stub -> stub.resizeVolume(request));
    }

    /** @throws CsiException FAILED_PRECONDITION when the export was superseded: somebody else may use the volume */
    void markFormatted(String name, String attachId, Deadline deadline) {
        MarkFormattedRequest request = MarkFormattedRequest.newBuilder()
                .setName(name)
                .setAttachId(attachId)
                .build();
        patiently(deadline, stub -> stub.markFormatted(request));
    }

    /** Asks again while the engine cannot be reached, or the volume is not free yet, until the deadline. */
    private <T> T patiently(Deadline deadline, Function<ControlGrpc.ControlBlockingStub, T> request) {
        @Nullable StatusRuntimeException said = null;
        while (true) {
            try {
                return once(Math.max(1, Math.min(CALL_MILLIS, deadline.leftMillis())), request);
            } catch (StatusRuntimeException e) {
                Status.Code code = e.getStatus().getCode();
                boolean passes = code == Status.Code.UNAVAILABLE
                        || code == Status.Code.FAILED_PRECONDITION
                        || code == Status.Code.DEADLINE_EXCEEDED;
                // What it said last explains more than that there was no time left for another answer.
                StatusRuntimeException telling = code == Status.Code.DEADLINE_EXCEEDED && said != null ? said : e;
                said = telling;
                if (!passes || deadline.leftMillis() <= PAUSE_MILLIS) {
                    throw failure(telling);
                }
                deadline.pause(PAUSE_MILLIS);
            }
        }
    }

    private <T> T once(long millis, Function<ControlGrpc.ControlBlockingStub, T> request) {
        // Not under the caller's context, whose end would cut off what is to be completed.
        Context caller = Context.ROOT.attach();
        try {
            return request.apply(ControlGrpc.newBlockingStub(channel).withDeadlineAfter(millis, TimeUnit.MILLISECONDS));
        } finally {
            Context.ROOT.detach(caller);
        }
    }

    private CsiException failure(StatusRuntimeException error) {
        Status status = error.getStatus();
        String said = String.valueOf(status.getDescription());
        return switch (status.getCode()) {
            case NOT_FOUND -> CsiException.notFound(said);
            case INVALID_ARGUMENT, OUT_OF_RANGE -> new CsiException(Status.Code.OUT_OF_RANGE, said);
            case FAILED_PRECONDITION, ABORTED, ALREADY_EXISTS -> CsiException.precondition(said);
            case RESOURCE_EXHAUSTED -> new CsiException(Status.Code.RESOURCE_EXHAUSTED, said);
            case UNAVAILABLE, DEADLINE_EXCEEDED ->
                CsiException.unavailable(
                        "the engine of this node does not answer at " + folder.resolve("control.sock") + " (" + said
                                + "): does its pod run? 'kubectl get pods -n cairn-system -o wide' tells",
                        error);
            case OK, CANCELLED, UNKNOWN, INTERNAL, DATA_LOSS, UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED ->
                CsiException.internal("the engine of this node answered " + status.getCode() + ": " + said, error);
        };
    }

    @Override
    public void close() {
        channel.shutdownNow();
        var _ = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
