package storage.cairn.client.attach;

import org.jspecify.annotations.Nullable;

/** A device cannot be made, found or taken away; the message says which one, why, and what to do. */
public final class AttachException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Reason reason;

    /** Of what kind the obstacle is. */
    public enum Reason {
        /** The machine, a program of it or a file did not do what it should. */
        FAILED,
        /** It conflicts with what is there. */
        REFUSED,
        /** There is no such attachment. */
        NOT_FOUND,
        /** It cannot be asked for like this. */
        INVALID
    }

    public AttachException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    public AttachException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    public Reason reason() {
        return reason;
    }

    @Override
    public String getMessage() {
        String message = super.getMessage();
        return message == null ? "unknown failure" : message;
    }
}
