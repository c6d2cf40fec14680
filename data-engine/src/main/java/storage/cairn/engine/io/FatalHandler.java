package storage.cairn.engine.io;

/**
 * Told of errors after which the engine must not go on: a failed assertion, memory that ran out. It logs and ends
 * the process. Called on any thread.
 */
@FunctionalInterface
public interface FatalHandler {
    void fatal(String what, Throwable cause);
}
