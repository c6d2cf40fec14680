package storage.cairn.engine.sim;

import java.util.Locale;

/** Sums what many simulated lives held, for people. */
final class Totals {
    private final long[] struck = new long[Fault.values().length];
    private long lives;
    private long virtualNanos;
    private long operations;
    private long crashes;
    private long conflicts;
    private long takeovers;
    private long rebuilds;
    private long repairs;

    void add(SimReport report) {
        lives++;
        virtualNanos += report.virtualNanos();
        operations += report.operations();
        crashes += report.crashes();
        conflicts += report.conflicts();
        takeovers += report.takeovers();
        rebuilds += report.rebuilds();
        repairs += report.repairs();
        for (int i = 0; i < struck.length; i++) {
            struck[i] += report.struck()[i];
        }
    }

    String line(long realNanos) {
        double seconds = realNanos / 1e9;
        return String.format(
                Locale.ROOT,
                "%d lives, %.1f/s, %.1f virtual hours per real minute, %d operations, no violation",
                lives,
                lives / seconds,
                virtualNanos / 3.6e12 / (seconds / 60),
                operations);
    }

    String summary(long realNanos) {
        StringBuilder text = new StringBuilder(line(realNanos)).append('\n');
        text.append(String.format(
                Locale.ROOT,
                "  crashes %d, CAS conflicts %d, takeovers %d, rebuilds %d, repairs %d%n",
                crashes,
                conflicts,
                takeovers,
                rebuilds,
                repairs));
        text.append("  faults:");
        for (Fault fault : Fault.values()) {
            if (struck[fault.ordinal()] > 0) {
                text.append(' ').append(fault.label()).append(' ').append(struck[fault.ordinal()]);
            }
        }
        return text.toString();
    }
}
