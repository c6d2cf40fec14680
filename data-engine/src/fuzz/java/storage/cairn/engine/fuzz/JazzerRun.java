package storage.cairn.engine.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Crc32c;

/** One target in a process of its own with Jazzer around it: starts it, and reads what it says. */
final class JazzerRun {
    private static final String JAZZER = "com.code_intelligence.jazzer.Jazzer";
    private static final int LONGEST_INPUT = 1 << 15;
    /** Only for an input that never ends: what an input costs is counted in time of a processor, by BoundedRun. */
    private static final int LONGEST_INPUT_SECONDS = 300;

    private static final int MOST_FINDINGS = 8;
    private static final int MERGE_SECONDS = 120;

    private static final Pattern EXECUTIONS = Pattern.compile("stat::number_of_executed_units:\\s*(\\d+)");
    private static final Pattern ADDED = Pattern.compile("stat::new_units_added:\\s*(\\d+)");
    private static final Pattern SEEDED = Pattern.compile("#\\d+\\s+INITED\\s+cov: (\\d+)");
    private static final Pattern COVERAGE = Pattern.compile("#\\d+\\s+\\S+\\s+cov: (\\d+)");
    private static final Pattern STARTED = Pattern.compile("#(\\d+)\\s+\\S+\\s+cov:");
    private static final Pattern WHAT = Pattern.compile("== Java Exception: (.*)|==\\d*=*\\s*ERROR: (libFuzzer: .*)");
    private static final Pattern INPUT = Pattern.compile("Test unit written to (\\S+)");

    private final String target;
    private final Path folder;
    private final Path corpus;

    /**
     * @param what the exception, or what libFuzzer says about time or memory
     * @param base64 the input
     */
    record Finding(String what, String base64) {}

    /**
     * What a run ended with.
     *
     * @param seedEdges of the code that the inputs reached which it began with
     * @param edges of the code that were reached in the end
     * @param newInputs that reached something new
     * @param broken why there is no result, or null
     */
    record Outcome(
            String target,
            long executions,
            long seedEdges,
            long edges,
            long newInputs,
            List<Finding> findings,
            @Nullable String broken,
            Path log) {}

    JazzerRun(String target, Path folder) throws IOException {
        this.target = target;
        this.folder = folder;
        this.corpus = Files.createDirectories(folder.resolve("corpus"));
    }

    void seed(List<byte[]> inputs) throws IOException {
        for (byte[] input : inputs) {
            String name = HexFormat.of().toHexDigits(Crc32c.of(java.nio.ByteBuffer.wrap(input), 0, input.length));
            Files.write(corpus.resolve("seed-" + name), input);
        }
    }

    Outcome explore(long seconds) throws IOException, InterruptedException {
        Path log = folder.resolve("fuzz.log");
        start(
                log,
                List.of(
                        "--keep_going=" + MOST_FINDINGS,
                        "-max_total_time=" + seconds,
                        "-timeout=" + LONGEST_INPUT_SECONDS,
                        "-print_final_stats=1",
                        corpus.toString()));
        String said = Files.readString(log, StandardCharsets.ISO_8859_1);
        long executions = Math.max(last(EXECUTIONS, said), last(STARTED, said));
        String broken = executions == 0 ? "Jazzer executed nothing" : null;
        return new Outcome(
                target,
                executions,
                last(SEEDED, said),
                last(COVERAGE, said),
                last(ADDED, said),
                findings(said),
                broken,
                log);
    }

    /**
     * Of the inputs that together reach everything, some of each length.
     *
     * @param most how many, at most
     * @param longest bytes of one
     * @param all bytes of all of them
     */
    List<byte[]> smallest(int most, int longest, int all) throws IOException, InterruptedException {
        Path merged = folder.resolve("merged");
        if (Files.exists(merged)) {
            for (Path old : files(merged)) {
                Files.delete(old);
            }
        }
        Files.createDirectories(merged);
        start(
                folder.resolve("merge.log"),
                List.of(
                        "-merge=1",
                        "-max_total_time=" + MERGE_SECONDS,
                        "-timeout=" + LONGEST_INPUT_SECONDS,
                        merged.toString(),
                        corpus.toString()));
        List<byte[]> kept = new ArrayList<>();
        for (Path file : files(merged)) {
            byte[] input = Files.readAllBytes(file);
            if (input.length <= longest) {
                kept.add(input);
            }
        }
        kept.sort(Comparator.<byte[]>comparingInt(input -> input.length).thenComparing(Arrays::compare));
        // Evenly among the lengths: the shortest alone reach the least.
        List<byte[]> chosen = new ArrayList<>();
        int bytes = kept.stream().mapToInt(input -> input.length).sum();
        int tooMany = Math.max((kept.size() + most - 1) / most, (bytes + all - 1) / all);
        for (int i = 0; i < kept.size(); i += Math.max(1, tooMany)) {
            chosen.add(kept.get(i));
        }
        return chosen;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private void start(Path log, List<String> more) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1500m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
                "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
                "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
                "-XX:+EnableDynamicAgentLoading",
                "-Dlog4j2.level=OFF",
                "-Dcairn.fuzz.target=" + target,
                "-cp",
                System.getProperty("java.class.path"),
                JAZZER,
                "--target_class=" + FuzzEntry.class.getName(),
                "--instrumentation_includes=storage.cairn.**",
                "--instrumentation_excludes=storage.cairn.engine.sim.**:storage.cairn.engine.fuzz.**",
                "--custom_hook_includes=storage.cairn.**",
                "-rss_limit_mb=0",
                "-max_len=" + LONGEST_INPUT));
        command.addAll(more);
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            process.waitFor();
        } finally {
            process.destroy();
        }
    }

    private static long last(Pattern pattern, String said) {
        Matcher matcher = pattern.matcher(said);
        long value = 0;
        while (matcher.find()) {
            value = Long.parseLong(matcher.group(1));
        }
        return value;
    }

    private List<Finding> findings(String said) throws IOException {
        List<Finding> findings = new ArrayList<>();
        Matcher what = WHAT.matcher(said);
        Matcher input = INPUT.matcher(said);
        while (what.find()) {
            String text = what.group(1) != null ? what.group(1) : what.group(2);
            byte[] bytes = input.find(what.end()) ? Files.readAllBytes(folder.resolve(input.group(1))) : new byte[0];
            findings.add(new Finding(text, Base64.getEncoder().encodeToString(bytes)));
        }
        return findings;
    }
}
