package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A seed gives the same events everywhere: a few small lives are run in processes that differ in collector, compiler,
 * locale, time zone and folder, and compared with each other and with hashes that are kept with the sources.
 *
 * <p>The hashes change with the code, as the lives do: what is kept names the digest of the sources that it is of, and
 * says nothing about others. {@link #RENEW} writes it anew.
 */
final class EventHashTest {
    private static final Path KEPT = Path.of("src/test/resources/event-hashes.txt");
    private static final String RENEW = "renew with ./mvnw -pl data-engine -am test -Dtest=EventHashTest "
            + "-Dsurefire.failIfNoSpecifiedTests=false -Dcairn.renewHashes=true";
    private static final List<String> SOURCES = List.of(
            "src/main/java/storage/cairn/engine/port",
            "src/main/java/storage/cairn/engine/protocol",
            "src/main/java/storage/cairn/engine/replication",
            "src/main/java/storage/cairn/engine/store",
            "src/sim/java/storage/cairn/engine/sim");
    private static final int OPERATIONS = 300;
    private static final long PATIENCE_SECONDS = 240;

    @TempDir
    Path folder;

    /** A process of the test: prints a line for each life. */
    public static void main(String[] arguments) {
        lines().forEach(System.out::println);
    }

    /** Of this process, which tells the same each time. */
    private static List<String> linesOfThisProcess() {
        return Own.LINES;
    }

    private static Stream<String> lines() {
        List<Life> lives = new ArrayList<>();
        for (long seed = 1; seed <= 4; seed++) {
            Chances chances = Chances.of(Faults.lawful());
            StoreTarget target = seed % 2 == 0 ? StoreTarget.IN_MEMORY : StoreTarget.EXTENT;
            lives.add(new Life(seed, true, target, chances, null, OPERATIONS, true));
            lives.add(new Life(seed, false, target, chances, null, OPERATIONS, true));
        }
        return lives.stream().map(EventHashTest::line);
    }

    private static String line(Life life) {
        Trace events = Trace.hashing();
        life.run(events);
        return String.format(Locale.ROOT, "%s: %016x over %d events", life.options(), events.hash(), events.events());
    }

    @Test
    void isTheOneThatIsKeptWithTheSources() throws IOException, NoSuchAlgorithmException {
        List<String> now = new ArrayList<>();
        now.add("sources " + digest());
        now.addAll(linesOfThisProcess());
        if (Boolean.getBoolean("cairn.renewHashes")) {
            Files.write(KEPT, now);
        }
        List<String> kept = Files.readAllLines(KEPT);
        assumeTrue(kept.getFirst().equals(now.getFirst()), "the kept event hashes are of other sources; " + RENEW);
        assertThat(now).as("event hashes").isEqualTo(kept);
    }

    /** Of every source file that an event can depend on, however it is laid out. */
    private static String digest() throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (String folder : SOURCES) {
            try (Stream<Path> found = Files.walk(Path.of(folder))) {
                for (Path file : found.filter(Files::isRegularFile).sorted().toList()) {
                    digest.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
                    digest.update(Files.readString(file).replaceAll("\\s+", "").getBytes(StandardCharsets.UTF_8));
                }
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-XX:+UseSerialGC -Duser.language=tr -Duser.country=TR -Duser.timezone=Asia/Kathmandu",
                "-XX:+UseParallelGC -Duser.language=ar -Duser.country=EG -Duser.timezone=Pacific/Apia",
                "-XX:+UseG1GC -XX:TieredStopAtLevel=1 -Dfile.encoding=ISO-8859-1",
                "-XX:+UseZGC -Duser.timezone=America/St_Johns -XX:hashCode=2",
                "-XX:+UseSerialGC -Xint"
            })
    void isTheSameInEveryProcess(String options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
                "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
                "-XX:+UnlockExperimentalVMOptions",
                "-Xmx768m"));
        command.addAll(List.of(options.split(" ")));
        command.addAll(List.of("-cp", classPath(), EventHashTest.class.getName()));
        Path output = folder.resolve("hashes");
        Path errors = folder.resolve("errors");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(errors.toFile())
                .start();
        try {
            assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .as("ended in time: " + options)
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(process.exitValue()).as(read(errors)).isZero();
        assertThat(Files.readAllLines(output))
                .as("event hashes with " + options)
                .isEqualTo(linesOfThisProcess());
    }

    /** Every folder and jar by its whole path: the process runs elsewhere. */
    private static String classPath() {
        String separator = System.getProperty("path.separator");
        return Stream.of(System.getProperty("java.class.path").split(separator, -1))
                .filter(each -> !each.isEmpty())
                .map(each -> Path.of(each).toAbsolutePath().toString())
                .reduce((one, other) -> one + separator + other)
                .orElseThrow();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Lived once, when they are first asked for. */
    private static final class Own {
        static final List<String> LINES = lines().toList();
    }
}
