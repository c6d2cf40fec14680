package storage.cairn.client.load;

import java.util.Locale;
import org.HdrHistogram.AbstractHistogram;

/** Shows a histogram of microseconds as text for people. */
public final class Percentiles {
    private static final double[] SHOWN = {50, 95, 99, 99.9};

    private Percentiles() {}

    /** For example {@code p50 210 µs, p95 480 µs, p99 1.2 ms, p99.9 4.0 ms, max 31 ms}; {@code none} when empty. */
    public static String text(AbstractHistogram micros) {
        if (micros.getTotalCount() == 0) {
            return "none";
        }
        StringBuilder text = new StringBuilder();
        for (double percentile : SHOWN) {
            String name = percentile == Math.rint(percentile)
                    ? Integer.toString((int) percentile)
                    : Double.toString(percentile);
            text.append('p').append(name).append(' ');
            text.append(duration(micros.getValueAtPercentile(percentile))).append(", ");
        }
        return text.append("max ").append(duration(micros.getMaxValue())).toString();
    }

    /** Microseconds with two or three digits and the unit that suits them. */
    public static String duration(long micros) {
        if (micros < 1000) {
            return micros + " µs";
        }
        boolean seconds = micros >= 1_000_000;
        double value = micros / (seconds ? 1e6 : 1e3);
        return String.format(Locale.ROOT, value < 10 ? "%.1f" : "%.0f", value) + (seconds ? " s" : " ms");
    }
}
