package storage.cairn.csi;

import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/** A call cannot be carried out: the gRPC status that CSI wants for it, and what is wrong and what to do. */
final class CsiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Status.Code code;

    private CsiException(Status.Code code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    CsiException(Status.Code code, String message) {
        this(code, message, null);
    }

    static CsiException invalid(String message) {
        return new CsiException(Status.Code.INVALID_ARGUMENT, message);
    }

    static CsiException notFound(String message) {
        return new CsiException(Status.Code.NOT_FOUND, message);
    }

    static CsiException precondition(String message) {
        return new CsiException(Status.Code.FAILED_PRECONDITION, message);
    }

    static CsiException unavailable(String message, @Nullable Throwable cause) {
        return new CsiException(Status.Code.UNAVAILABLE, message, cause);
    }

    static CsiException internal(String message, @Nullable Throwable cause) {
        return new CsiException(Status.Code.INTERNAL, message, cause);
    }

    Status.Code code() {
        return code;
    }

    Status status() {
        return Status.fromCode(code).withDescription(getMessage());
    }
}
