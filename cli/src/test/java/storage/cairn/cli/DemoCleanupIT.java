package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a demo that is interrupted or fails leaves behind, with engines that have no data path. */
final class DemoCleanupIT {
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    @TempDir
    private Path temporary = Path.of("");

    private final List<Process> demos = new ArrayList<>();

    @AfterEach
    void endDemos() throws InterruptedException {
        for (Process demo : demos) {
            demo.destroy();
            assertThat(demo.waitFor(3, TimeUnit.MINUTES)).isTrue();
        }
    }

    /** Who starts the tests in the background ignores Ctrl-C, and so would all that they start. */
    private Process demo(Path base, String engine, String out) throws IOException {
        Process demo = new ProcessBuilder(
                        "env",
                        "--default-signal=INT",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        FakeDemo.class.getName(),
                        engine,
                        "demo",
                        "--plain",
                        "--size",
                        "16MiB",
                        "--disk-size",
                        "64MiB",
                        "--data-dir",
                        base.toString())
                .redirectErrorStream(true)
                .redirectOutput(temporary.resolve(out).toFile())
                .start();
        demos.add(demo);
        return demo;
    }

    private String shown(String out) throws IOException {
        return Files.readString(temporary.resolve(out));
    }

    private void awaitShown(String out, String text) {
        Awaitility.await()
                .atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(1))
                .untilAsserted(() -> assertThat(shown(out)).contains(text));
    }

    private static List<Path> in(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    /** By the whole command line: ProcessHandle knows only its beginning. */
    private static long enginesOf(Path base) {
        return ProcessHandle.allProcesses()
                .filter(process -> commandLine(process.pid()).contains(base + "/cairn-demo-"))
                .count();
    }

    private static String commandLine(long pid) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"));
        } catch (IOException e) {
            // It has ended.
            return "";
        }
    }

    @Test
    void anInterruptedDemoLeavesNothing() throws Exception {
        Path base = Files.createDirectory(temporary.resolve("base"));
        Process demo = demo(base, FakeEngine.class.getName(), "out");
        awaitShown("out", "NBD: ");
        assertThat(enginesOf(base)).isEqualTo(3);

        assertThat(new ProcessBuilder("kill", "-INT", "" + demo.pid()).start().waitFor())
                .isZero();

        assertThat(demo.waitFor(3, TimeUnit.MINUTES)).isTrue();
        assertThat(demo.exitValue()).isEqualTo(130);
        assertThat(shown("out")).contains("Interrupted");
        assertThat(in(base)).isEmpty();
        Awaitility.await().atMost(PATIENCE).until(() -> enginesOf(base) == 0);
    }

    @Test
    void foldersThatHadToBeMadeGoWithTheDemo() throws Exception {
        Path base = temporary.resolve("not/there/yet");
        Process demo = demo(base, FakeEngine.class.getName(), "out");
        awaitShown("out", "NBD: ");

        assertThat(new ProcessBuilder("kill", "-INT", "" + demo.pid()).start().waitFor())
                .isZero();

        assertThat(demo.waitFor(3, TimeUnit.MINUTES)).isTrue();
        assertThat(temporary.resolve("not")).doesNotExist();
    }

    /** Whenever it is interrupted: while it looks around, makes its folders, starts engines, or waits for them. */
    @ParameterizedTest
    @ValueSource(strings = {"Linux", "Memory", "Space", "Filesystem", "Starting", "owner: "})
    void aDemoThatIsInterruptedEarlyLeavesNothing(String moment) throws Exception {
        Path base = temporary.resolve("not/there");
        Process demo = demo(base, FakeEngine.class.getName(), "out");
        awaitShown("out", moment);

        assertThat(new ProcessBuilder("kill", "-INT", "" + demo.pid()).start().waitFor())
                .isZero();

        assertThat(demo.waitFor(3, TimeUnit.MINUTES)).isTrue();
        assertThat(demo.exitValue()).as(shown("out")).isEqualTo(130);
        assertThat(temporary.resolve("not")).as(shown("out")).doesNotExist();
        Awaitility.await().atMost(PATIENCE).until(() -> enginesOf(base) == 0);
    }

    @Test
    void enginesOfADemoThatWasKilledEndByThemselves() throws Exception {
        Path base = Files.createDirectory(temporary.resolve("base"));
        Process demo = demo(base, FakeEngine.class.getName(), "out");
        awaitShown("out", "NBD: ");
        assertThat(enginesOf(base)).isEqualTo(3);

        assertThat(demo.destroyForcibly().waitFor(3, TimeUnit.MINUTES)).isTrue();

        Awaitility.await().atMost(PATIENCE).until(() -> enginesOf(base) == 0);
    }

    @Test
    void twoDemosSideBySideInOneFolderDoNotMeet() throws Exception {
        Path base = Files.createDirectory(temporary.resolve("base"));
        Process one = demo(base, FakeEngine.class.getName(), "one");
        Process other = demo(base, FakeEngine.class.getName(), "other");

        awaitShown("one", "NBD: ");
        awaitShown("other", "NBD: ");

        one.destroy();
        assertThat(one.waitFor(3, TimeUnit.MINUTES)).isTrue();
        assertThat(other.isAlive()).isTrue();
        assertThat(in(base)).hasSize(1);
        assertThat(enginesOf(base)).isEqualTo(3);
    }

    @Test
    void aFailedDemoLeavesOnlyTheLogThatItNames() throws Exception {
        Path base = Files.createDirectory(temporary.resolve("base"));
        Process demo = demo(base, "no.such.Engine", "out");

        assertThat(demo.waitFor(3, TimeUnit.MINUTES)).isTrue();

        assertThat(demo.exitValue()).isEqualTo(1);
        assertThat(in(base)).hasSize(1);
        Path log = in(base).getFirst();
        assertThat(shown("out")).contains("The demo failed").contains(log.toString());
        assertThat(Files.readString(log)).contains("no.such.Engine").contains("Starting 3 engines");
        assertThat(enginesOf(base)).isZero();
    }

    @Test
    void aMachineWithoutTheSpaceIsToldBeforeAnythingStarts() throws Exception {
        Path base = Files.createDirectory(temporary.resolve("base"));
        Process demo = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        FakeDemo.class.getName(),
                        FakeEngine.class.getName(),
                        "demo",
                        "--disk-size",
                        "900TiB",
                        "--data-dir",
                        base.toString())
                .redirectErrorStream(true)
                .redirectOutput(temporary.resolve("out").toFile())
                .start();
        demos.add(demo);

        assertThat(demo.waitFor(3, TimeUnit.MINUTES)).isTrue();

        assertThat(demo.exitValue()).isEqualTo(1);
        assertThat(shown("out")).contains("are needed: name another --data-dir");
        assertThat(in(base)).isEmpty();
    }
}
