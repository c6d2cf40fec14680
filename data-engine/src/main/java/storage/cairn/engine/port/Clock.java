package storage.cairn.engine.port;

/**
 * Time and turns of one event loop.
 *
 * <p>Everything in the pure core runs on exactly one loop; what it schedules here runs on that same loop, never
 * inside the call that scheduled it. {@link #execute} alone may be called from any thread.
 */
public interface Clock {
    /** Nanoseconds since an arbitrary moment, also counting while the machine sleeps (CLOCK_BOOTTIME). */
    long nanos();

    /** Milliseconds since 1970 by the wall clock. For people and logs only: no decision may rest on it. */
    long wallMillis();

    /** Runs {@code task} once, no sooner than {@code delayNanos} (0 or more) from now. */
    Timer after(long delayNanos, Runnable task);

    /** Runs {@code task} after the current event, in the order of the calls. */
    void execute(Runnable task);

    /** A task that was scheduled. */
    interface Timer {
        /** Forgets the task if it has not begun; otherwise does nothing. */
        void cancel();
    }
}
