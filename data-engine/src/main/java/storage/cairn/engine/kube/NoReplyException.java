package storage.cairn.engine.kube;

/** The API server did not answer: what was asked may have been done, may still be done, or not. */
final class NoReplyException extends Exception {
    private static final long serialVersionUID = 1;

    NoReplyException(String message) {
        super(message);
    }
}
