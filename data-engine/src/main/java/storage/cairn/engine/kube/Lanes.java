package storage.cairn.engine.kube;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Work by lanes: what is in one lane is done in its order, one at a time; lanes beside each other, those with urgent work
 * first, on threads that end when there is nothing to do. While urgent work is under way, one other piece at most is.
 *
 * <p>How many lanes at once is found out: one more after each round of quick answers; half as many when an answer does not
 * come in time, and, while they are more than at the beginning, when one comes late. Otherwise, when hundreds of volumes
 * lose a node at once, so many requests would wait in a server that has little CPU that each of them is given up before
 * its turn, and is made again.
 */
final class Lanes {
    private static final long IDLE_SECONDS = 10;
    private static final int FIRST_AT_ONCE = 8;
    private static final int LEAST_AT_ONCE = 2;
    /** A server that takes longer has enough to do: more at once would only wait there, and each longer. */
    private static final long QUICK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    /** A quarter of what a request has: many that are as late are soon given up. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Requests that began together fail together, and count once. */
    private static final long NARROWED_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final int maxAtOnce;
    private final int maxWaiting;
    private final ThreadPoolExecutor threads;
    private final Map<Object, Lane> lanes = new HashMap<>();
    /** Lanes that wait for a thread. */
    private final ArrayDeque<Lane> urgent = new ArrayDeque<>();

    private final ArrayDeque<Lane> usual = new ArrayDeque<>();
    private int waiting;
    private int running;
    private int urgentRunning;
    private int usualRunning;
    private int atOnce;
    private int answers;
    private long narrowedNanos = System.nanoTime() - NARROWED_NANOS;

    private static final class Lane {
        private final Object key;
        private final ArrayDeque<Work> work = new ArrayDeque<>();
        /** How many of these are urgent; the first one may be under way. */
        private int urgent;

        Lane(Object key) {
            this.key = key;
        }

        void add(Work more) {
            work.add(more);
            urgent += more.urgent ? 1 : 0;
        }

        Work removeFirst() {
            Work first = work.remove();
            urgent -= first.urgent ? 1 : 0;
            return first;
        }
    }

    private record Work(boolean urgent, Runnable task) {}

    Lanes(int maxAtOnce, int maxWaiting) {
        this.maxAtOnce = maxAtOnce;
        this.maxWaiting = maxWaiting;
        this.atOnce = Math.min(FIRST_AT_ONCE, maxAtOnce);
        this.threads = new ThreadPoolExecutor(
                maxAtOnce,
                maxAtOnce,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                // Never longer than that: a thread is asked for only when it is needed at once.
                new LinkedBlockingQueue<>(maxAtOnce),
                Thread.ofPlatform().daemon().name("config-store-", 0).factory());
        threads.allowCoreThreadTimeOut(true);
    }

    /** Whether the work was taken: not after {@link #close}, and not when too much is waiting. */
    synchronized boolean submit(Object key, boolean isUrgent, Runnable work) {
        if (threads.isShutdown() || waiting == maxWaiting) {
            return false;
        }
        waiting++;
        Lane lane = lanes.get(key);
        boolean starts = lane == null;
        if (lane == null) {
            lane = new Lane(key);
            lanes.put(key, lane);
        } else if (isUrgent && lane.urgent == 0) {
            starts = usual.remove(lane);
        }
        lane.add(new Work(isUrgent, work));
        if (starts) {
            ready(lane);
            begin(1);
        }
        return true;
    }

    private void ready(Lane lane) {
        (lane.urgent > 0 ? urgent : usual).add(lane);
    }

    private void begin(int more) {
        for (int i = 0; i < more && running < atOnce && !threads.isShutdown(); i++) {
            running++;
            threads.execute(this::run);
        }
    }

    private void run() {
        Lane lane = next(null);
        while (lane != null) {
            try {
                first(lane).run();
            } finally {
                lane = next(lane);
            }
        }
    }

    private synchronized Runnable first(Lane lane) {
        return lane.work.element().task;
    }

    /** The lane to go on with after another one, null when this thread is not needed any more. */
    private synchronized @Nullable Lane next(@Nullable Lane before) {
        if (before != null) {
            ended(before);
        }
        Lane lane = running > atOnce ? null : urgent.poll();
        if (lane == null && running <= atOnce && (urgentRunning == 0 || usualRunning == 0)) {
            lane = usual.poll();
        }
        if (lane == null) {
            running--;
        } else if (lane.work.element().urgent) {
            urgentRunning++;
        } else {
            usualRunning++;
        }
        return lane;
    }

    private void ended(Lane lane) {
        waiting--;
        if (lane.removeFirst().urgent) {
            urgentRunning--;
            if (urgentRunning == 0) {
                begin(usual.size());
            }
        } else {
            usualRunning--;
        }
        if (lane.work.isEmpty()) {
            lanes.remove(lane.key);
        } else {
            ready(lane);
        }
    }

    /**
     * How the server does.
     *
     * @param inTime false when it did not answer until the timeout, or could not cope
     * @param nanos how long that took
     */
    synchronized void answered(boolean inTime, long nanos) {
        long now = System.nanoTime();
        boolean late = inTime && nanos >= LATE_NANOS && atOnce > FIRST_AT_ONCE;
        if ((late || !inTime) && now - narrowedNanos >= NARROWED_NANOS) {
            narrowedNanos = now;
            allow(Math.max(Math.min(late ? FIRST_AT_ONCE : LEAST_AT_ONCE, maxAtOnce), atOnce / 2));
        } else if (inTime && nanos <= QUICK_NANOS && atOnce < maxAtOnce && ++answers >= atOnce) {
            allow(atOnce + 1);
        }
    }

    private void allow(int number) {
        answers = 0;
        atOnce = number;
        begin(urgent.size() + usual.size());
    }

    synchronized int atOnce() {
        return atOnce;
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
