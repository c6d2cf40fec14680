package storage.cairn.cli.cluster;

import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import storage.cairn.api.v1alpha1.ControlGrpc;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.GetStatusRequest;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/** Asks one engine over its unix socket, and turns what goes wrong into a {@link Failure}. */
public final class ControlClient implements AutoCloseable {
    private static final int STATUS_SECONDS = 5;
    private static final Duration DISKS_HEARD_OF = Duration.ofSeconds(20);
    private static final Duration POLL = Duration.ofMillis(200);
    /** In every answer, be it an error. */
    private static final Metadata.Key<String> CONTENT_TYPE =
            Metadata.Key.of("content-type", Metadata.ASCII_STRING_MARSHALLER);

    /** Ends with the process: its thread is a daemon. */
    private static final EventLoopGroup LOOP =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("control", true), NioIoHandler.newFactory());

    /**
     * Threads to ask several engines at once with. Not virtual ones: while a class is loaded for the first time it holds
     * a virtual thread's carrier, and a machine with two processors has two of them. Two that wait for each other's
     * classes, or for a lock whose holder gets no carrier any more, wait for ever.
     */
    private static final ThreadFactory CALLERS =
            Thread.ofPlatform().name("call-", 1).daemon().factory();

    private final ClusterFile.Node node;
    private final ManagedChannel channel;

    private ControlClient(ClusterFile.Node node, ManagedChannel channel) {
        this.node = node;
        this.channel = channel;
    }

    public static ControlClient connect(ClusterFile.Node node) {
        ManagedChannel channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(node.controlSocket()))
                .eventLoopGroup(LOOP)
                .channelType(NioDomainSocketChannel.class)
                .overrideAuthority("localhost")
                .directExecutor()
                .usePlaintext()
                .build();
        return new ControlClient(node, channel);
    }

    /** A thread for each call of several that are made at once; whoever asks for it closes it. */
    public static ExecutorService callers() {
        return Executors.newThreadPerTaskExecutor(CALLERS);
    }

    public NodeStatus status() {
        return call(STATUS_SECONDS, stub -> stub.getStatus(GetStatusRequest.getDefaultInstance()));
    }

    /** Whether the engine answers now. */
    public boolean reachable() {
        try {
            status();
            return true;
        } catch (Failure e) {
            if (e.code() == ExitCode.UNREACHABLE) {
                return false;
            }
            throw e;
        }
    }

    /** Makes one request; {@code seconds} is how long its answer may take. */
    public <T> T call(int seconds, Function<ControlGrpc.ControlBlockingStub, T> request) {
        try {
            return request.apply(ControlGrpc.newBlockingStub(channel).withDeadlineAfter(seconds, TimeUnit.SECONDS));
        } catch (StatusRuntimeException e) {
            throw failure(e);
        }
    }

    /**
     * Makes a volume. An engine that has just started hears of the disks of other nodes within moments: until then it
     * says that there are too few.
     *
     * @param waits told once, when it is asked again, with what it said
     */
    public Volume createVolume(int seconds, CreateVolumeRequest request, Consumer<String> waits) {
        long deadline = System.nanoTime() + DISKS_HEARD_OF.toNanos();
        for (int round = 0; ; round++) {
            try {
                return call(seconds, stub -> stub.createVolume(request));
            } catch (Failure e) {
                boolean tooFew = e.getCause() instanceof StatusRuntimeException said
                        && said.getStatus().getCode() == Status.Code.RESOURCE_EXHAUSTED;
                if (!tooFew || System.nanoTime() >= deadline) {
                    throw e;
                }
                if (round == 0) {
                    waits.accept(e.getMessage() + "; asking again for up to " + DISKS_HEARD_OF.toSeconds() + " s ...");
                }
                LockSupport.parkNanos(POLL.toNanos());
            }
        }
    }

    /** The channel ends with the process at the latest; nothing is under way on it when a call has returned. */
    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** Whether the engine said so, rather than the way to it. */
    private static boolean answered(StatusRuntimeException error) {
        Metadata trailers = error.getTrailers();
        return trailers != null && trailers.containsKey(CONTENT_TYPE);
    }

    private Failure failure(StatusRuntimeException error) {
        Status status = error.getStatus();
        String said = status.getDescription();
        String message = said == null || said.isBlank()
                ? "The engine of node " + node.node() + " answered " + status.getCode()
                : said;
        return switch (status.getCode()) {
            case NOT_FOUND -> new Failure(ExitCode.NOT_FOUND, message, error);
            case INVALID_ARGUMENT, OUT_OF_RANGE -> new Failure(ExitCode.USAGE, message, error);
            case ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, RESOURCE_EXHAUSTED, PERMISSION_DENIED ->
                new Failure(ExitCode.REFUSED, message, error);
            case UNAVAILABLE ->
                new Failure(
                        ExitCode.UNREACHABLE,
                        answered(error)
                                ? message
                                : "The engine of node " + node.node() + " cannot be reached at " + node.controlSocket()
                                        + ": is it running? 'cairn status' tells, 'cairn up' starts it",
                        error);
            case DEADLINE_EXCEEDED ->
                new Failure(
                        ExitCode.UNREACHABLE,
                        "The engine of node " + node.node() + " did not answer in time; it may still do what it was"
                                + " asked: look with 'cairn status'",
                        error);
            case UNIMPLEMENTED ->
                new Failure(
                        ExitCode.FAILED,
                        "The engine of node " + node.node() + " is of another version than this command: restart it"
                                + " with 'cairn node stop " + node.node() + "' and 'cairn node start " + node.node()
                                + "'",
                        error);
            case OK, CANCELLED, UNKNOWN, INTERNAL, DATA_LOSS, UNAUTHENTICATED ->
                new Failure(ExitCode.FAILED, message, error);
        };
    }
}
