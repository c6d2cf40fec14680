package storage.cairn.engine.kube;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Work by lanes: what is in one lane is done in its order, one at a time; lanes beside each other, up to a number of
 * threads that end when there is nothing to do.
 */
final class Lanes {
    private static final long IDLE_SECONDS = 10;

    private final int maxWaiting;
    private final ThreadPoolExecutor threads;
    private final Map<Object, ArrayDeque<Runnable>> lanes = new HashMap<>();
    private int waiting;

    Lanes(int maxThreads, int maxWaiting) {
        this.maxWaiting = maxWaiting;
        this.threads = new ThreadPoolExecutor(
                maxThreads,
                maxThreads,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                // Bounded by maxWaiting, since each lane is in it once at most.
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().daemon().name("config-store-", 0).factory());
        threads.allowCoreThreadTimeOut(true);
    }

    /** Whether the work was taken: not after {@link #close}, and not when too much is waiting. */
    synchronized boolean submit(Object lane, Runnable work) {
        if (threads.isShutdown() || waiting == maxWaiting) {
            return false;
        }
        waiting++;
        ArrayDeque<Runnable> queue = lanes.get(lane);
        if (queue == null) {
            lanes.put(lane, new ArrayDeque<>());
            threads.execute(() -> run(lane, work));
        } else {
            queue.add(work);
        }
        return true;
    }

    private void run(Object lane, Runnable work) {
        Runnable next = work;
        while (next != null) {
            try {
                next.run();
            } finally {
                next = done(lane);
            }
        }
    }

    @SuppressWarnings("NullAway")
    private synchronized Runnable done(Object lane) {
        waiting--;
        Runnable next = lanes.get(lane).poll();
        if (next == null) {
            lanes.remove(lane);
        }
        return next;
    }

    synchronized boolean closed() {
        return threads.isShutdown();
    }

    /** Takes no more, and waits for what was taken; answers whether it ended in time. */
    boolean close(long atMostMillis) throws InterruptedException {
        synchronized (this) {
            threads.shutdown();
        }
        return threads.awaitTermination(atMostMillis, TimeUnit.MILLISECONDS);
    }
}
