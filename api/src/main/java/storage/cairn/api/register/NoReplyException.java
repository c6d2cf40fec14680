package storage.cairn.api.register;

/** The API server did not answer: what was asked may have been done, may still be done, or not. */
public final class NoReplyException extends Exception {
    private static final long serialVersionUID = 1;

    public NoReplyException(String message) {
        super(message);
    }
}
