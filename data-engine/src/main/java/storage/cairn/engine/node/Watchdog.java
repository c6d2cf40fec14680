package storage.cairn.engine.node;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Log.Level;

/**
 * Notices from another thread when the event loop does not turn: then the engine is not healthy, and the log says so.
 * Grants of leases are given on that very loop, so a loop that stands still grants nothing.
 */
final class Watchdog {
    private static final long LOOK_EVERY_MILLIS = 1_000;
    private static final long STALLED_MILLIS = 2_000;

    private final Clock loop;
    private volatile long turnedNanos = System.nanoTime();
    private volatile boolean asked;
    private boolean reported;

    Watchdog(Clock loop) {
        this.loop = loop;
    }

    void start(ScheduledExecutorService thread) {
        ScheduledFuture<?> _ = thread.scheduleAtFixedRate(
                FatalStop.guarded("the watchdog", this::look),
                LOOK_EVERY_MILLIS,
                LOOK_EVERY_MILLIS,
                TimeUnit.MILLISECONDS);
    }

    /** How long ago the loop was last seen turning. */
    long sinceTurnMillis() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - turnedNanos);
    }

    boolean stalled() {
        return sinceTurnMillis() > STALLED_MILLIS;
    }

    private void look() {
        if (asked && !reported && stalled()) {
            reported = true;
            EngineLog.event(Level.WARN, "EventLoopStalled", "sinceTurnMillis=" + sinceTurnMillis());
        } else if (!asked && reported) {
            reported = false;
            EngineLog.event(Level.WARN, "EventLoopTurnsAgain", "");
        }
        if (!asked) {
            asked = true;
            try {
                loop.execute(this::turned);
            } catch (RejectedExecutionException stopped) {
                // The engine is being closed.
                asked = false;
            }
        }
    }

    private void turned() {
        turnedNanos = System.nanoTime();
        asked = false;
    }
}
