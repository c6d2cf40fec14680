package storage.cairn.engine.node;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import storage.cairn.engine.replication.VolumeAnswer;
import storage.cairn.engine.replication.VolumeAnswer.Problem;

/**
 * The one answer to a call of the control service. It is given on the event loop and written by another thread, so
 * that encoding costs the data path nothing; a call that was cancelled, or whose deadline passed, hears nothing more.
 *
 * @param <T> the message
 */
final class Reply<T> {
    private final ServerCallStreamObserver<T> call;
    private final Executor writers;
    private final AtomicBoolean given = new AtomicBoolean();

    Reply(StreamObserver<T> call, Executor writers) {
        if (!(call instanceof ServerCallStreamObserver<T> server)) {
            throw new IllegalArgumentException("not a call to a server");
        }
        this.call = server;
        this.writers = writers;
        // Without a handler gRPC throws at whoever answers a cancelled call.
        server.setOnCancelHandler(() -> {});
    }

    /** Whether nobody waits for the answer any more: then do not begin. */
    boolean cancelled() {
        return call.isCancelled();
    }

    void refuse(Status.Code code, String reason) {
        if (given.compareAndSet(false, true)) {
            writers.execute(() ->
                    call.onError(Status.fromCode(code).withDescription(reason).asRuntimeException()));
        }
    }

    /**
     * @param message makes the message, on a writer's thread
     */
    <V> void give(V value, Function<V, T> message) {
        if (given.compareAndSet(false, true)) {
            writers.execute(() -> {
                call.onNext(message.apply(value));
                call.onCompleted();
            });
        }
    }

    /** Answers with the volume that a request about one volume ended with. */
    void answer(VolumeAnswer answer, Function<VolumeAnswer.Done, T> message) {
        switch (answer) {
            case VolumeAnswer.Done done -> give(done, message);
            case VolumeAnswer.All all ->
                throw new IllegalStateException(
                        "one volume was asked for, " + all.volumes().size() + " answered");
            case VolumeAnswer.Failed failed -> refuse(code(failed.problem()), failed.reason());
        }
    }

    /** The one place where the core's problems become gRPC's. */
    static Status.Code code(Problem problem) {
        return switch (problem) {
            case INVALID -> Status.Code.INVALID_ARGUMENT;
            case NOT_FOUND -> Status.Code.NOT_FOUND;
            case ALREADY_EXISTS -> Status.Code.ALREADY_EXISTS;
            case PRECONDITION -> Status.Code.FAILED_PRECONDITION;
            case EXHAUSTED -> Status.Code.RESOURCE_EXHAUSTED;
            case UNAVAILABLE -> Status.Code.UNAVAILABLE;
        };
    }
}
