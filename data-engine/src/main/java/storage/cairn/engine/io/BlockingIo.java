package storage.cairn.engine.io;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** A bounded number of threads that may block in a system call, and end when idle. */
final class BlockingIo implements AutoCloseable {
    private static final int IDLE_SECONDS = 10;
    private static final int CLOSE_SECONDS = 10;

    private final ThreadPoolExecutor threads;

    /** At most {@code threadCount} threads and {@code queued} operations that wait for one. */
    BlockingIo(int threadCount, int queued) {
        threads = new ThreadPoolExecutor(
                threadCount,
                threadCount,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(queued),
                new DefaultThreadFactory("cairn-disk", true));
        threads.allowCoreThreadTimeOut(true);
    }

    void execute(Runnable operation) {
        threads.execute(operation);
    }

    /** Waits for what runs, then ends the threads. */
    @Override
    public void close() {
        threads.shutdown();
        try {
            if (!threads.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("an operation on a disk did not end within " + CLOSE_SECONDS + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
