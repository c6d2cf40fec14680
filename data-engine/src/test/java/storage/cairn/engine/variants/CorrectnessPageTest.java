package storage.cairn.engine.variants;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What {@code docs/correctness.md} names is there: variants, classes, methods, tests, and a row for each invariant. */
final class CorrectnessPageTest {
    private static final int INVARIANTS = 32;
    private static final Pattern TYPE = Pattern.compile("`([A-Z][A-Za-z0-9]+)(?:\\.([A-Za-z0-9]+))?`");
    private static final Pattern VARIANT_ROW = Pattern.compile("(?m)^\\| `([a-z0-9-]+)` \\|.*\\| (?:I\\d+|bounds) \\|");

    private static final TreeMap<String, List<Path>> SOURCES = new TreeMap<>();
    private static String page = "";

    @BeforeAll
    static void read() throws IOException {
        Path root = Search.sources().resolve("../..").normalize();
        page = Files.readString(root.resolve("docs/correctness.md"));
        try (Stream<Path> modules = Files.list(root)) {
            for (Path sources : modules.map(module -> module.resolve("src"))
                    .filter(Files::isDirectory)
                    .toList()) {
                try (Stream<Path> files = Files.walk(sources)) {
                    files.filter(file -> file.toString().endsWith(".java")).forEach(CorrectnessPageTest::add);
                }
            }
        }
    }

    private static void add(Path file) {
        String name = file.getFileName().toString();
        SOURCES.computeIfAbsent(name.substring(0, name.length() - ".java".length()), key -> new ArrayList<>())
                .add(file);
    }

    @Test
    void everyVariantHasARowAndEveryRowAVariant() throws IOException {
        TreeSet<String> rows = new TreeSet<>();
        VARIANT_ROW.matcher(page).results().forEach(row -> rows.add(row.group(1)));

        assertThat(rows)
                .isEqualTo(new TreeSet<>(Variant.all(Search.variants()).stream()
                        .map(Variant::name)
                        .toList()));
    }

    @Test
    void everyInvariantHasARow() {
        for (int i = 1; i <= INVARIANTS; i++) {
            assertThat(page).as("invariant %d", i).containsPattern("(?m)^\\| I" + i + " \\| .+ \\|$");
        }
    }

    @Test
    void everyClassAndMemberThatIsNamedIsThere() throws IOException {
        List<String> missing = new ArrayList<>();
        Map<String, String> texts = new TreeMap<>();
        Matcher named = TYPE.matcher(page);
        while (named.find()) {
            String type = named.group(1);
            String member = named.group(2);
            if (!texts.containsKey(type)) {
                texts.put(type, text(type));
            }
            String text = texts.get(type);
            if (text.isEmpty() || (member != null && !text.matches("(?s).*\\b" + member + "\\b.*"))) {
                missing.add(named.group());
            }
        }
        assertThat(missing).isEmpty();
    }

    private static String text(String type) throws IOException {
        StringBuilder text = new StringBuilder();
        for (Path file : SOURCES.getOrDefault(type, List.of())) {
            text.append(Files.readString(file));
        }
        return text.toString();
    }
}
