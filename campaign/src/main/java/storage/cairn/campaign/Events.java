package storage.cairn.campaign;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.sim.Violation;

/** What happened lately, by the campaign's clock, and the first promise that was broken. Any thread tells. */
final class Events {
    private static final int MOST = 20_000;

    private final long begunNanos = System.nanoTime();
    private final ArrayDeque<String> lately = new ArrayDeque<>();
    private final AtomicReference<@Nullable Violation> broken = new AtomicReference<>();
    private final Effects effects = new Effects();

    /** What faults did, all of the campaign. */
    Effects effects() {
        return effects;
    }

    /** Since the campaign's begin. */
    long nanos() {
        return System.nanoTime() - begunNanos;
    }

    synchronized void tell(String text) {
        if (lately.size() == MOST) {
            lately.removeFirst();
        }
        lately.add(String.format(Locale.ROOT, "%12.3f ms  %s", nanos() / 1e6, text));
    }

    /** The last {@code count} of them. */
    synchronized List<String> last(int count) {
        List<String> all = new ArrayList<>(lately);
        return all.subList(Math.max(0, all.size() - count), all.size());
    }

    /** A promise was broken; the first one counts. */
    void broke(Violation violation) {
        broken.compareAndSet(null, violation);
    }

    /** Throws what was broken. */
    void check() {
        Violation violation = broken.get();
        if (violation != null) {
            throw violation;
        }
    }
}
