package storage.cairn.engine.sim;

import java.util.Locale;

/** Sums what many simulated lives held, for people. */
final class Totals {
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double NANOS_PER_HOUR = 3.6e12;

    private final long[] struck = new long[Fault.values().length];
    private long lives;
    private long virtualNanos;
    private long operations;
    private long crashes;
    private long conflicts;
    private long takeovers;
    private long rebuilds;
    private long repairs;
    private long administered;
    private long converged;
    private long longestNanos = SimReport.NOT_AWAITED;
    private long longestSeed;

    void add(long seed, SimReport report) {
        lives++;
        virtualNanos += report.virtualNanos();
        operations += report.operations();
        crashes += report.crashes();
        conflicts += report.conflicts();
        takeovers += report.takeovers();
        rebuilds += report.rebuilds();
        repairs += report.repairs();
        administered += report.administered();
        if (report.convergenceNanos() != SimReport.NOT_AWAITED) {
            converged++;
        }
        if (report.convergenceNanos() > longestNanos) {
            longestNanos = report.convergenceNanos();
            longestSeed = seed;
        }
        for (int i = 0; i < struck.length; i++) {
            struck[i] += report.struck()[i];
        }
    }

    /** How far it is. */
    String line(long realNanos) {
        double seconds = realNanos / NANOS_PER_SECOND;
        return String.format(
                Locale.ROOT,
                "%d lives, %.1f/s, %.1f virtual hours per real minute, %d operations, no violation",
                lives,
                lives / seconds,
                virtualNanos / NANOS_PER_HOUR / (seconds / 60),
                operations);
    }

    /** What was done, and what it was done under. */
    String summary(long realNanos) {
        StringBuilder text = new StringBuilder(line(realNanos)).append('\n');
        text.append(String.format(
                Locale.ROOT,
                "  in %.0f s: %.1f virtual hours, %.0f operations per life%n",
                realNanos / NANOS_PER_SECOND,
                virtualNanos / NANOS_PER_HOUR,
                lives == 0 ? 0.0 : (double) operations / lives));
        text.append(String.format(
                Locale.ROOT,
                "  crashes %d, CAS conflicts %d, takeovers %d, rebuilds %d, repairs %d, changes by administrators %d%n",
                crashes,
                conflicts,
                takeovers,
                rebuilds,
                repairs,
                administered));
        if (converged > 0) {
            text.append(String.format(
                    Locale.ROOT,
                    "  %d clusters came to rest once healed, the slowest (seed %d) in %.1f virtual seconds%n",
                    converged,
                    longestSeed,
                    longestNanos / NANOS_PER_SECOND));
        }
        text.append("  faults:");
        for (Fault fault : Fault.values()) {
            if (struck[fault.ordinal()] > 0) {
                text.append(' ').append(fault.label()).append(' ').append(struck[fault.ordinal()]);
            }
        }
        return text.toString();
    }
}
