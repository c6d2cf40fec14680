package storage.cairn.engine.sim;

import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Predicate;

/**
 * What happened in a world: a hash over every event, so that two runs of a seed can be compared, and, while
 * {@link #record recording}, the last events as text for the story of a violation.
 */
public final class Trace {
    private static final int KEPT = 200_000;

    private final ArrayDeque<String> lines = new ArrayDeque<>();
    private final boolean recording;
    private long hash = 0x6361_6972_6eL;
    private long events;

    private Trace(boolean recording) {
        this.recording = recording;
    }

    /** Only the hash. */
    public static Trace hashing() {
        return new Trace(false);
    }

    /** The hash and the last 200,000 events as text. */
    public static Trace recording() {
        return new Trace(true);
    }

    boolean records() {
        return recording;
    }

    /** One event: when, who (a node or disk), what, about which numbers. */
    public void event(long nanos, int who, String what, long a, long b, long c) {
        events++;
        fold(nanos);
        fold(who * 31L + what.hashCode());
        fold(a);
        fold(b);
        fold(c);
        if (recording) {
            keep(nanos, who, what + " " + a + " " + b + " " + c);
        }
    }

    /** An event told in words; build {@code text} only if it is cheap or {@link #records}. */
    void say(long nanos, int who, String text) {
        events++;
        fold(nanos);
        fold(who * 31L + text.hashCode());
        if (recording) {
            keep(nanos, who, text);
        }
    }

    private void keep(long nanos, int who, String text) {
        if (lines.size() == KEPT) {
            lines.removeFirst();
        }
        lines.add(String.format(java.util.Locale.ROOT, "%14.6f ms  node %d  %s", nanos / 1e6, who, text));
    }

    private void fold(long value) {
        hash = SimRandom.mix(hash * 0x9e3779b97f4a7c15L + value);
    }

    /** The hash of all events so far. */
    public long hash() {
        return hash;
    }

    public long events() {
        return events;
    }

    /** The last {@code limit} kept lines that are of interest. */
    List<String> last(int limit, Predicate<String> wanted) {
        List<String> chosen = lines.stream().filter(wanted).toList();
        return chosen.subList(Math.max(0, chosen.size() - limit), chosen.size());
    }
}
