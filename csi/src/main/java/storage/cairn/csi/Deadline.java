package storage.cairn.csi;

import io.grpc.Context;
import io.grpc.Status;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** By when the caller wants an answer; work that cannot be finished by then says how far it came. */
final class Deadline {
    /** For a caller that names none. */
    private static final long USUAL_MILLIS = 120_000;
    /** So that the reason reaches the caller before its own clock ends the call. */
    private static final long MARGIN_MILLIS = 1_000;

    private final long endNanos;

    private Deadline(long endNanos) {
        this.endNanos = endNanos;
    }

    /** Of the call that this thread carries out. */
    static Deadline ofCall() {
        io.grpc.Deadline given = Context.current().getDeadline();
        long millis = given == null ? USUAL_MILLIS : given.timeRemaining(TimeUnit.MILLISECONDS) - MARGIN_MILLIS;
        return in(Math.max(0, millis));
    }

    static Deadline in(long millis) {
        return new Deadline(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
    }

    long leftMillis() {
        return Math.max(0, TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime()));
    }

    boolean isOver() {
        return leftMillis() == 0;
    }

    /** Waits before something is tried again. */
    void pause(long millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(Math.min(millis, leftMillis())));
        if (Thread.currentThread().isInterrupted() || Context.current().isCancelled()) {
            throw new CsiException(Status.Code.CANCELLED, "the caller gave up");
        }
    }
}
