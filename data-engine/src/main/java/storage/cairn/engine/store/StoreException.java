package storage.cairn.engine.store;

/** A disk cannot be formatted or opened, or what it holds makes no sense. The message says what and what to do. */
final class StoreException extends Exception {
    StoreException(String message) {
        super(message);
    }
}
