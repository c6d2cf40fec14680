package storage.cairn.engine.sim;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What happened in a world: a hash over every event, so that two runs of a seed can be compared, and, where somebody
 * wants to read it, the events in words: all of them as they happen, or those kept that make the story of a violation.
 */
public final class Trace {
    private static final int KEPT = 200_000;

    /** Hosts say much, engines little: each has its own bound. */
    private final ArrayDeque<Line> ofHosts = new ArrayDeque<>();

    private final ArrayDeque<Line> ofEngines = new ArrayDeque<>();
    private final boolean keeps;
    private final Consumer<String> reader;
    private final boolean read;
    private long hash = 0x6361_6972_6eL;
    private long events;
    private long told;

    private Trace(boolean keeps, boolean read, Consumer<String> reader) {
        this.keeps = keeps;
        this.read = read;
        this.reader = reader;
    }

    /** Only the hash. */
    public static Trace hashing() {
        return new Trace(false, false, line -> {});
    }

    /** The hash and what makes the {@link #story}. */
    public static Trace recording() {
        return new Trace(true, false, line -> {});
    }

    /** The hash, what makes the {@link #story}, and every event in words to {@code reader}. */
    public static Trace printing(Consumer<String> reader) {
        return new Trace(true, true, reader);
    }

    boolean records() {
        return keeps;
    }

    /** One event: when, who (a node or disk), what, about which numbers. */
    public void event(long nanos, int who, String what, long a, long b, long c) {
        events++;
        fold(nanos);
        fold(who * 31L + what.hashCode());
        fold(a);
        fold(b);
        fold(c);
        if (read || (keeps && turnsTheStory(what))) {
            keep(turnsTheStory(what), nanos, who, what + " " + a + " " + b + " " + c, "", -1, 0);
        }
    }

    /** An event told in words; build {@code text} only if it is cheap or {@link #records}. */
    void say(long nanos, int who, String text) {
        events++;
        fold(nanos);
        fold(who * 31L + text.hashCode());
        if (keeps) {
            keep(true, nanos, who, text, "", -1, 0);
        }
    }

    /** An event about a volume, for its story only: no part of the hash. */
    void tell(long nanos, int who, String volume, String text) {
        if (keeps) {
            keep(true, nanos, who, volume + " " + text, volume, -1, 0);
        }
    }

    /** An event about some blocks of a volume, for their story only: no part of the hash. */
    void tell(long nanos, int who, String volume, long block, int count, String text) {
        if (keeps) {
            keep(true, nanos, who, volume + " " + text, volume, block, count);
        }
    }

    /** What befalls a whole node, disk or store concerns every volume; frames and single operations none. */
    private static boolean turnsTheStory(String what) {
        return what.startsWith("node: ")
                || what.startsWith("store: ")
                || what.startsWith("world: ")
                || what.startsWith("config: outage")
                || what.startsWith("config: rolled back")
                || what.startsWith("net: cut")
                || what.startsWith("disk: ");
    }

    private void keep(boolean story, long nanos, int who, String text, String volume, long block, int count) {
        String line = String.format(Locale.ROOT, "%14.6f ms  %-8s %s", nanos / 1e6, who == 0 ? "" : place(who), text);
        reader.accept(line);
        if (!story) {
            return;
        }
        ArrayDeque<Line> lines = block < 0 ? ofEngines : ofHosts;
        if (lines.size() == KEPT) {
            lines.removeFirst();
        }
        lines.add(new Line(told++, nanos, line, volume, block, count));
    }

    /** Disks are numbered behind their nodes. */
    private static String place(int who) {
        return who < 10 ? "node " + who : "disk " + who;
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

    /**
     * The last {@code limit} events up to a moment that concern a volume (any, when {@code volume} is empty), and those blocks of it
     * when {@code block} is not negative: what hosts asked there and heard, what its engines did, what befell nodes.
     * Without a block, what hosts asked is left out.
     */
    List<String> story(String volume, long block, long untilNanos, int limit) {
        return Stream.concat(ofEngines.stream(), ofHosts.stream())
                .filter(line -> line.nanos <= untilNanos && line.concerns(volume, block))
                .sorted(Comparator.comparingLong(Line::number).reversed())
                .limit(limit)
                .sorted(Comparator.comparingLong(Line::number))
                .map(Line::text)
                .toList();
    }

    private record Line(long number, long nanos, String text, String volume, long block, int count) {
        boolean concerns(String wanted, long wantedBlock) {
            if (!volume.isEmpty() && !wanted.isEmpty() && !volume.equals(wanted)) {
                return false;
            }
            return block < 0 || (block <= wantedBlock && wantedBlock < block + count);
        }
    }
}
