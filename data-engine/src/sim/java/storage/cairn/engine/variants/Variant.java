package storage.cairn.engine.variants;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One way to break the code: a patch, the rule that it drops, and the world in which that should be noticed.
 *
 * <p>A file {@code name.patch} holds lines {@code Key: value}, then a unified diff over the module's {@code src}:
 * <pre>
 *   Rule: what the code does no longer
 *   Invariant: I9 (of the design), or the name of a contract
 *   World: see {@link storage.cairn.engine.sim.Hunt}
 *   Faults: kill=2000, net-reset     optional; without a number: in some seeds, with a random intensity
 *   Operations: 1000                 optional; of one seed
 *   Test: 40                         optional; caught within so many seeds in every build
 * </pre>
 *
 * @param test seeds within which each build must catch it; 0: only looked for on demand
 */
record Variant(
        String name,
        String rule,
        String invariant,
        String world,
        String faults,
        int operations,
        int test,
        List<SourcePatch> patches) {
    private static final String SUFFIX = ".patch";
    private static final Set<String> KEYS = Set.of("Rule", "Invariant", "World", "Faults", "Operations", "Test");

    /** All that a folder holds, by name. */
    static List<Variant> all(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(SUFFIX))
                    .sorted()
                    .map(Variant::read)
                    .toList();
        }
    }

    private static Variant read(Path file) {
        String name = file.getFileName().toString();
        try {
            return parse(name.substring(0, name.length() - SUFFIX.length()), Files.readAllLines(file));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static Variant parse(String name, List<String> lines) {
        Map<String, String> head = new HashMap<>();
        for (String line : lines) {
            if (line.startsWith("--- ")) {
                break;
            }
            int colon = line.indexOf(": ");
            String key = colon < 0 ? line : line.substring(0, colon);
            if (!KEYS.contains(key) || head.put(key, line.substring(colon + 2)) != null) {
                throw new IllegalArgumentException(name + SUFFIX + ": '" + line + "' is none of " + KEYS);
            }
        }
        List<SourcePatch> patches = SourcePatch.parse(lines);
        if (patches.isEmpty()) {
            throw new IllegalArgumentException(name + SUFFIX + " changes nothing");
        }
        return new Variant(
                name,
                value(name, head, "Rule"),
                value(name, head, "Invariant"),
                value(name, head, "World"),
                head.getOrDefault("Faults", ""),
                Integer.parseInt(head.getOrDefault("Operations", "1000")),
                Integer.parseInt(head.getOrDefault("Test", "0")),
                patches);
    }

    private static String value(String name, Map<String, String> head, String key) {
        String value = head.get(key);
        if (value == null) {
            throw new IllegalArgumentException(name + SUFFIX + " has no line '" + key + ": ...'");
        }
        return value;
    }
}
