package storage.cairn.csi;

import io.fabric8.kubernetes.client.KubernetesClientException;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.function.Supplier;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.client.attach.AttachException;

/** Carries calls out: logs them, counts and times them, and turns whatever goes wrong into the gRPC status for it. */
final class Calls {
    private static final Logger LOG = LogManager.getLogger(Calls.class);
    private static final long SLOW_MILLIS = 1_000;

    private final CallFigures figures;

    Calls(CallFigures figures) {
        this.figures = figures;
    }

    <T> void answer(String method, String about, StreamObserver<T> observer, Supplier<T> body) {
        long start = System.nanoTime();
        T answer;
        try {
            answer = body.get();
        } catch (RuntimeException e) {
            Status status = status(e);
            figures.ended(method, status.getCode(), System.nanoTime() - start);
            if (status.getCode() == Status.Code.INTERNAL) {
                LOG.error("{} {}: {}", method, about, status.getDescription(), e);
            } else {
                LOG.warn("{} {}: {} {}", method, about, status.getCode(), status.getDescription());
            }
            observer.onError(status.asRuntimeException());
            return;
        }
        long nanos = System.nanoTime() - start;
        figures.ended(method, Status.Code.OK, nanos);
        LOG.log(
                nanos / 1_000_000 >= SLOW_MILLIS
                        ? org.apache.logging.log4j.Level.INFO
                        : org.apache.logging.log4j.Level.DEBUG,
                "{} {}: done in {} ms",
                method,
                about,
                nanos / 1_000_000);
        observer.onNext(answer);
        observer.onCompleted();
    }

    /** The one place where what can go wrong gets its status. */
    static Status status(RuntimeException error) {
        return switch (error) {
            case CsiException e -> e.status();
            case AttachException e -> {
                Status.Code code = switch (e.reason()) {
                    case FAILED -> Status.Code.INTERNAL;
                    case REFUSED -> Status.Code.FAILED_PRECONDITION;
                    case NOT_FOUND -> Status.Code.NOT_FOUND;
                    case INVALID -> Status.Code.INVALID_ARGUMENT;
                };
                yield Status.fromCode(code).withDescription(e.getMessage());
            }
            case KubernetesClientException e -> {
                // Nothing is said about the request as such: it may be made again.
                boolean refused = e.getCode() == 403 || e.getCode() == 401;
                yield Status.fromCode(refused ? Status.Code.PERMISSION_DENIED : Status.Code.UNAVAILABLE)
                        .withDescription((refused
                                        ? "the API server does not allow it; are the driver's roles installed? "
                                        : "the API server did not answer as it should; it is asked again: ")
                                + e.getMessage());
            }
            default ->
                Status.INTERNAL
                        .withDescription("unexpected: " + error + "; the driver's log has more")
                        .withCause(error);
        };
    }
}
