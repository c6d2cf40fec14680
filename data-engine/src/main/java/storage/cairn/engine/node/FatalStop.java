package storage.cairn.engine.node;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Ends the process at once when it can no longer be trusted: a broken assertion, memory that ran out. A killed engine
 * recovers; one that goes on after a broken assertion may serve wrong data.
 */
final class FatalStop {
    static final int EXIT_CODE = 70;

    private static final AtomicBoolean STOPPING = new AtomicBoolean();

    private FatalStop() {}

    /** A task that ends the process when it throws, for executors that would keep that to themselves. */
    static Runnable guarded(String what, Runnable task) {
        return () -> {
            try {
                task.run();
            } catch (Throwable e) {
                fatal(what + " failed", e);
            }
        };
    }

    static void fatal(String what, Throwable cause) {
        if (!STOPPING.compareAndSet(false, true)) {
            return;
        }
        try {
            System.err.println("cairn engine stops: " + what + ": " + cause);
            cause.printStackTrace(System.err);
            System.err.flush();
            EngineLog.error("EngineStops", what + ", exit code " + EXIT_CODE, cause);
            Logging.stop();
        } finally {
            Runtime.getRuntime().halt(EXIT_CODE);
        }
    }
}
