package storage.cairn.engine.node;

/** The engine cannot start with what it was told; the message names the file, the key and the remedy. */
final class ConfigException extends Exception {
    ConfigException(String message) {
        super(message);
    }
}
