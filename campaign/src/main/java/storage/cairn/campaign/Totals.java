package storage.cairn.campaign;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a campaign has done so far. */
final class Totals {
    private final long begunNanos = System.nanoTime();
    private final Map<FaultKind, Integer> faults = new EnumMap<>(FaultKind.class);
    private final Map<FaultKind, Integer> ofThisLife = new EnumMap<>(FaultKind.class);
    private final Map<VolumeLoad, Long> counted = new HashMap<>();
    private long operations;
    private int rounds;
    private int lives;
    private long longestRestNanos;
    private long longestStallNanos;

    void life() {
        lives++;
        ofThisLife.clear();
        counted.clear();
    }

    void converged(long nanos) {
        longestRestNanos = Math.max(longestRestNanos, nanos);
    }

    /** A round ended well; the counts are those of its life so far. */
    void round(List<VolumeLoad> loads, Map<FaultKind, Integer> counts) {
        rounds++;
        counts.forEach((kind, count) -> {
            faults.merge(kind, count - ofThisLife.getOrDefault(kind, 0), Integer::sum);
            ofThisLife.put(kind, count);
        });
        for (VolumeLoad load : loads) {
            operations += load.operations() - counted.getOrDefault(load, 0L);
            counted.put(load, load.operations());
            longestStallNanos = Math.max(longestStallNanos, load.longestStallNanos());
        }
    }

    /** One line of a round that goes on. */
    String line(List<VolumeLoad> loads) {
        long now = operations;
        List<String> stalls = new ArrayList<>();
        for (VolumeLoad load : loads) {
            now += load.operations() - counted.getOrDefault(load, 0L);
            stalls.add(String.format(
                    Locale.ROOT,
                    "%s: owner %d, %d failed, longest stall %.1f s",
                    load.name(),
                    load.servedBy(),
                    load.failures(),
                    load.longestStallNanos() / 1e9));
        }
        return String.format(Locale.ROOT, "%,d operations; %s", now, String.join("; ", stalls));
    }

    List<String> summary(Effects effects) {
        List<String> lines = new ArrayList<>();
        double minutes = (System.nanoTime() - begunNanos) / 60e9;
        lines.add(String.format(
                Locale.ROOT,
                "%.1f minutes, %d clusters, %d rounds, %,d answered operations, all explained;"
                        + " longest stall of changes %.1f s, longest way to rest %.1f s",
                minutes,
                lives,
                rounds,
                operations,
                longestStallNanos / 1e9,
                longestRestNanos / 1e9));
        List<String> kinds = new ArrayList<>();
        faults.forEach((kind, count) -> kinds.add(kind.label() + " " + count));
        lines.add("faults: " + (kinds.isEmpty() ? "none" : String.join(", ", kinds)));
        lines.add("what they did: " + effects);
        return lines;
    }
}
