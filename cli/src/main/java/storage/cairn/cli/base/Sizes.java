package storage.cairn.cli.base;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes in bytes as people write and read them: {@code 512MiB}, {@code 10G}, {@code 4096}; units are powers of 1,024. */
public final class Sizes {
    private static final Pattern WRITTEN = Pattern.compile("(\\d{1,19}(?:\\.\\d{1,6})?)\\s*([KMGTP]?)(I?B?)");
    private static final String UNITS = "KMGTP";

    private Sizes() {}

    /** @throws IllegalArgumentException naming what is wrong with {@code text} */
    public static long parse(String text) {
        Matcher matcher = WRITTEN.matcher(text.trim().toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a size: write it like 512MiB, 10GiB or 4096");
        }
        int exponent = UNITS.indexOf(matcher.group(2)) + (matcher.group(2).isEmpty() ? 0 : 1);
        double bytes = Double.parseDouble(matcher.group(1)) * Math.pow(1024, exponent);
        if (bytes >= 0x1p62) {
            throw new IllegalArgumentException("'" + text + "' is too large for a size");
        }
        return Math.round(bytes);
    }

    /** Nothing rounded, with the largest unit of Kubernetes that allows it: {@code 10Gi}, {@code 1536Mi}. */
    public static String exact(long bytes) {
        for (int unit = UNITS.length(); unit > 0 && bytes > 0; unit--) {
            if (bytes % (1L << (10 * unit)) == 0) {
                return (bytes >> (10 * unit)) + UNITS.substring(unit - 1, unit) + "i";
            }
        }
        return Long.toString(bytes);
    }

    /** At most four figures and a unit: {@code 1.5 GiB}. */
    public static String format(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1023.95 && unit < UNITS.length() - 1) {
            value /= 1024;
            unit++;
        }
        String number = String.format(Locale.ROOT, value >= 100 ? "%.0f" : "%.1f", value);
        if (number.endsWith(".0")) {
            number = number.substring(0, number.length() - 2);
        }
        return number + " " + UNITS.charAt(unit) + "iB";
    }
}
