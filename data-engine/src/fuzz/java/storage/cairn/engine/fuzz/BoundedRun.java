package storage.cairn.engine.fuzz;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Runs a target with one input and holds it to the memory and the time of a processor that such an input may cost. */
public final class BoundedRun {
    /** What a class costs that is loaded, or a table that grows, is paid once: only what is paid again counts. */
    private static final int ATTEMPTS = 3;

    /** A loop that a usual machine runs in so long; one that needs longer is given longer for everything. */
    private static final int PACE_STEPS = 20_000_000;

    private static final double PACE_NANOS = 40e6;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private BoundedRun() {}

    /** Throws what the target throws, and an {@link AssertionError} when it took too much memory. */
    public static void run(FuzzTarget target, byte[] input) throws Exception {
        long allowed = target.allowedBytes(input.length);
        long allowedNanos = target.allowedMillis(input.length) * 1_000_000;
        long worker = target.worker().threadId();
        long least = Long.MAX_VALUE;
        long leastNanos = Long.MAX_VALUE;
        for (int i = 0; i < ATTEMPTS; i++) {
            long before = THREADS.getThreadAllocatedBytes(worker);
            long beforeNanos = THREADS.getThreadCpuTime(worker);
            target.run(input);
            leastNanos = Math.min(leastNanos, THREADS.getThreadCpuTime(worker) - beforeNanos);
            least = Math.min(least, THREADS.getThreadAllocatedBytes(worker) - before);
            if (least <= allowed && leastNanos <= allowedNanos) {
                return;
            }
        }
        if (least > allowed) {
            throw new AssertionError("an input of " + input.length + " bytes made " + least
                    + " bytes of garbage, allowed are " + allowed + ": is a length used before it is checked?");
        }
        double slowness = slowness();
        if (leastNanos > allowedNanos * slowness) {
            throw new AssertionError("an input of " + input.length + " bytes took " + leastNanos / 1_000_000
                    + " ms of a processor, allowed are " + (long) (allowedNanos * slowness / 1e6)
                    + ": is a count looped over before it is checked?");
        }
    }

    /** How much slower than a usual machine this one is now, at least 1: it is busy, or old. */
    private static double slowness() {
        long least = Long.MAX_VALUE;
        long sum = 1;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long before = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < PACE_STEPS; i++) {
                sum = sum * 6_364_136_223_846_793_005L + 1;
            }
            least = Math.min(least, THREADS.getCurrentThreadCpuTime() - before);
        }
        // The sum is looked at, so that the loop is run.
        return sum == 0 ? 1 : Math.max(1, least / PACE_NANOS);
    }
}
