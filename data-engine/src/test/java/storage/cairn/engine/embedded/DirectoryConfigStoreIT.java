package storage.cairn.engine.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.ThreadClock;

/** Several processes at one directory, some of them killed in the middle. */
final class DirectoryConfigStoreIT {
    private static final UUID CLUSTER = UUID.randomUUID();
    private static final Duration ANSWER = Duration.ofMinutes(2);
    private static final int CHANGES = 150;
    private static final int UUID_LENGTH = 36;

    @TempDir
    Path directory;

    private Configuration create(ThreadClock loop) throws IOException {
        Configuration value = ConfigStoreContract.configuration("raced");
        try (DirectoryConfigStore store =
                DirectoryConfigStore.open(directory.resolve("store"), CLUSTER, loop, System.err::println)) {
            Written written = loop.ask(
                    ANSWER, answer -> store.compareAndSet(value.volume(), Versioned.NONE, value, answer::accept));
            assertThat(written).isInstanceOf(Written.Applied.class);
        }
        return value;
    }

    private Configuration read(ThreadClock loop, Configuration value) throws IOException {
        try (DirectoryConfigStore store =
                DirectoryConfigStore.open(directory.resolve("store"), CLUSTER, loop, System.err::println)) {
            Read read = loop.ask(ANSWER, answer -> store.get(value.volume(), answer::accept));
            assertThat(read).isInstanceOf(Read.Found.class);
            return ((Read.Found) read).current().value();
        }
    }

    private Process race(Configuration value, int number, int changes) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ConfigRacer.class.getName(),
                        directory.resolve("store").toString(),
                        CLUSTER.toString(),
                        value.volume().toString(),
                        Integer.toString(changes))
                .redirectOutput(output(number))
                .redirectError(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("errors").toFile()))
                .start();
    }

    private File output(int number) {
        return directory.resolve("racer-" + number).toFile();
    }

    private List<String> lines(int number, String kind) throws IOException {
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader = Files.newBufferedReader(output(number).toPath())) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                // The last line of a killed process may be cut.
                String[] words = line.split(" ");
                if (words[0].equals(kind) && words.length == 3 && words[2].length() == UUID_LENGTH) {
                    lines.add(words[1]);
                }
            }
        }
        return lines;
    }

    @Test
    void ofTwoProcessesExactlyOneWinsEachVersion() throws Exception {
        try (ThreadClock loop = new ThreadClock()) {
            Configuration value = create(loop);
            Process first = race(value, 1, CHANGES);
            Process second = race(value, 2, CHANGES);
            for (Process process : List.of(first, second)) {
                assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
                assertThat(process.exitValue())
                        .as(Files.readString(directory.resolve("errors")))
                        .isZero();
            }
            Set<String> epochs = new HashSet<>(lines(1, "applied"));
            epochs.addAll(lines(2, "applied"));
            assertThat(epochs).hasSize(2 * CHANGES);
            assertThat(read(loop, value).epoch()).isEqualTo(1 + 2L * CHANGES);
        }
    }

    @Test
    void aKilledWriterLeavesTheLastVersionWholeAndBlocksNobody() throws Exception {
        try (ThreadClock loop = new ThreadClock()) {
            Configuration value = create(loop);
            int kills = 4;
            for (int number = 1; number <= kills; number++) {
                Process process = race(value, number, Integer.MAX_VALUE);
                int racer = number;
                Awaitility.await().until(() -> lines(racer, "applied").size() > 20 * racer);
                process.destroyForcibly().waitFor();
            }
            Set<String> epochs = new HashSet<>();
            int told = 0;
            for (int number = 1; number <= kills; number++) {
                List<String> applied = lines(number, "applied");
                told += applied.size();
                epochs.addAll(applied);
            }
            long last = read(loop, value).epoch();
            assertThat(epochs).as("no version was won twice").hasSize(told);
            assertThat(last - 1).as("changes made").isBetween((long) told, (long) told + kills);
            Process after = race(value, kills + 1, 10);
            assertThat(after.waitFor(3, TimeUnit.MINUTES)).isTrue();
            assertThat(read(loop, value).epoch()).isEqualTo(last + 10);
        }
    }
}
