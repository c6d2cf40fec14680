package storage.cairn.cli.base;

import java.util.Locale;

/** Durations for people: {@code 850 ms}, {@code 3.2 s}, {@code 4 min}, {@code 2 d}. */
public final class Durations {
    private Durations() {}

    public static String format(long millis) {
        if (millis < 1000) {
            return millis + " ms";
        }
        if (millis < 60_000) {
            return String.format(Locale.ROOT, "%.1f s", millis / 1000.0);
        }
        long minutes = millis / 60_000;
        if (minutes < 120) {
            return minutes + " min";
        }
        long hours = minutes / 60;
        return hours < 48 ? hours + " h" : hours / 24 + " d";
    }
}
