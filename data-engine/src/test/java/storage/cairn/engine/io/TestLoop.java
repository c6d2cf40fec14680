package storage.cairn.engine.io;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/** An engine loop for tests: keeps fatal errors, which the test looks at when it ends. */
public final class TestLoop implements AutoCloseable {
    private final List<Throwable> fatal = new CopyOnWriteArrayList<>();
    public final EngineLoop engine;

    public TestLoop(EngineLoop.Setting setting) {
        engine = EngineLoop.open(setting, (what, cause) -> fatal.add(new AssertionError(what, cause)));
    }

    public List<Throwable> fatal() {
        return fatal;
    }

    public <T> T call(Callable<T> task) {
        return engine.call(task);
    }

    public void run(Runnable task) {
        engine.call(() -> {
            task.run();
            return 0;
        });
    }

    /** Acquires a buffer on the loop. */
    public Buffer acquire(Slab slab, int bytes) {
        return call(() -> take(slab, bytes));
    }

    /** Acquires a buffer that must be there; on the loop. */
    public static Buffer take(BufferPool pool, int bytes) {
        Buffer buffer = pool.acquire(bytes);
        if (buffer == null) {
            throw new IllegalStateException("no buffer left");
        }
        return buffer;
    }

    @Override
    public void close() {
        engine.close();
        if (!fatal.isEmpty()) {
            throw new AssertionError("the loop failed", fatal.get(0));
        }
    }
}
