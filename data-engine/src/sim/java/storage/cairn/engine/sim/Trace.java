package storage.cairn.engine.sim;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Locale;

/**
 * What happened in a world: a hash over every event, so that two runs of a seed can be compared, and, while
 * {@link #record recording}, the last events as text for the story of a violation.
 */
public final class Trace {
    private static final int KEPT = 200_000;

    private final ArrayDeque<Line> lines = new ArrayDeque<>();
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
            keep(nanos, who, what + " " + a + " " + b + " " + c, "", 0, 0);
        }
    }

    /** An event told in words; build {@code text} only if it is cheap or {@link #records}. */
    void say(long nanos, int who, String text) {
        events++;
        fold(nanos);
        fold(who * 31L + text.hashCode());
        if (recording) {
            keep(nanos, who, text, "", 0, 0);
        }
    }

    /** An event about a volume, for its story only: no part of the hash. */
    void tell(long nanos, int who, String volume, long block, int count, String text) {
        if (recording) {
            keep(nanos, who, volume + " " + text, volume, block, count);
        }
    }

    private void keep(long nanos, int who, String text, String volume, long block, int count) {
        if (lines.size() == KEPT) {
            lines.removeFirst();
        }
        String line = String.format(Locale.ROOT, "%14.6f ms  node %-2d  %s", nanos / 1e6, who, text);
        lines.add(new Line(line, volume, block, count));
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

    /** Every kept line. */
    List<String> all() {
        return lines.stream().map(Line::text).toList();
    }

    /**
     * What happened to one volume, and to one block of it when {@code block} is not negative, and around it: its
     * engines, networks and memberships.
     */
    List<String> story(String volume, long block, int limit) {
        List<String> chosen = lines.stream()
                .filter(line -> line.concerns(volume, block))
                .map(Line::text)
                .toList();
        return chosen.subList(Math.max(0, chosen.size() - limit), chosen.size());
    }

    private record Line(String text, String volume, long block, int count) {
        boolean concerns(String wanted, long ofBlock) {
            if (volume.isEmpty()) {
                return text.contains("  node: ")
                        || text.contains("  store: ")
                        || text.contains("  world: ")
                        || text.contains("net: cut")
                        || text.contains("config: outage")
                        || text.contains("disk: ");
            }
            return volume.equals(wanted)
                    && (count == 0 || ofBlock < 0 || (block <= ofBlock && ofBlock < block + count));
        }
    }
}
