package storage.cairn.cli.demo;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * What the demo shows: lines that stay, and one live line that is rewritten in place on a terminal and printed now and
 * then elsewhere. Everything that stays is kept for the log of a failed demo. Any thread may call.
 */
public final class Screen {
    private static final long PLAIN_INTERVAL_NANOS = 3_000_000_000L;
    private static final int MAX_KEPT = 10_000;
    private static final String CLEAR = "\r\033[K";
    private static final String BOLD = "\033[1m";
    private static final String GREEN = "\033[32m";
    private static final String RED = "\033[31m";
    private static final String YELLOW = "\033[33m";
    private static final String DIM = "\033[2m";
    private static final String END = "\033[0m";

    private final PrintWriter out;
    private final int columns;
    private final List<String> kept = new ArrayList<>();
    private boolean liveShown;
    private boolean muted;
    private long lastPlainNanos = System.nanoTime() - PLAIN_INTERVAL_NANOS;

    /**
     * @param columns of the terminal; 0: not a terminal, no control sequences
     */
    public Screen(PrintWriter out, int columns) {
        this.out = out;
        this.columns = columns;
    }

    synchronized void heading(String text) {
        stay("", text, BOLD);
    }

    synchronized void line(String text) {
        stay("  ", text, "");
    }

    synchronized void ok(String text) {
        stay("  ok    ", text, GREEN);
    }

    synchronized void note(String text) {
        stay("  note  ", text, YELLOW);
    }

    synchronized void wrong(String text) {
        stay("  WRONG ", text, RED);
    }

    /** Shows how it goes at this moment. */
    synchronized void live(String text) {
        if (muted) {
            return;
        }
        if (columns > 0) {
            String fitting = text.length() > columns - 5 ? text.substring(0, Math.max(0, columns - 5)) : text;
            out.print(CLEAR + DIM + "  .. " + fitting + END);
            out.flush();
            liveShown = true;
        } else if (System.nanoTime() - lastPlainNanos >= PLAIN_INTERVAL_NANOS) {
            lastPlainNanos = System.nanoTime();
            out.println("  ..    " + text);
            out.flush();
        }
    }

    /** Nothing is shown any more. */
    synchronized void mute() {
        muted = true;
    }

    /** Everything that was shown and stayed. */
    synchronized List<String> transcript() {
        return List.copyOf(kept);
    }

    private void stay(String mark, String text, String colour) {
        if (muted) {
            return;
        }
        if (columns > 0 && liveShown) {
            out.print(CLEAR);
            liveShown = false;
        }
        if (columns > 0 && !colour.isEmpty()) {
            out.println(mark.isBlank() ? colour + text + END : colour + mark + END + text);
        } else {
            out.println(mark + text);
        }
        out.flush();
        if (kept.size() < MAX_KEPT) {
            kept.add(mark + text);
        }
    }
}
