package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import storage.cairn.cli.cluster.EngineCommand;

/** The demo for real: it must succeed with the engine of this build, and fail with one that acks too early. */
final class DemoIT {
    @TempDir
    private Path temporary = Path.of("");

    private record Outcome(int exitCode, String shown) {
        /** What went wrong, and then everything. */
        String told() {
            return shown.lines().filter(line -> line.contains("WRONG")).collect(Collectors.joining("\n")) + "\n\n"
                    + shown;
        }
    }

    private Outcome demo(EngineCommand engine, String... more) {
        StringWriter out = new StringWriter();
        CommandLine line = Cairn.commandLine(engine);
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(out, true));
        String[] fixed = {
            "demo",
            "--plain",
            "--size",
            "64MiB",
            "--disk-size",
            "512MiB",
            "--seconds",
            "2",
            "--data-dir",
            temporary.toString()
        };
        String[] all = Stream.concat(Stream.of(fixed), Stream.of(more)).toArray(String[]::new);
        return new Outcome(line.execute(all), out.toString());
    }

    @Test
    void theDemoHoldsAndLeavesNothing() throws Exception {
        Outcome outcome = demo(EngineCommand.ofThisBuild());

        assertThat(outcome.exitCode()).as(outcome.told()).isZero();
        assertThat(outcome.shown())
                .contains("A replica's process was killed under load")
                .contains("took the volume over")
                .contains("All processes were killed at once")
                .contains("read back from each of the 3 replicas")
                .doesNotContain("WRONG");
        try (Stream<Path> left = Files.list(temporary)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void theDemoFindsOutAnEngineThatAcksBeforeItIsDurable() throws Exception {
        Path repository = Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());
        Path testClasses = repository.resolve("data-engine/target/test-classes");
        EngineCommand real = EngineCommand.ofThisBuild();
        EngineCommand hasty = new EngineCommand(
                real.java(),
                real.options(),
                testClasses + File.pathSeparator + real.classPath(),
                "storage.cairn.engine.node.HastyEngineMain");

        Outcome outcome = demo(hasty);

        assertThat(outcome.exitCode()).as(outcome.shown()).isEqualTo(1);
        // Seen by the client that reads, or before that by the takeover, which then serves nothing.
        assertThat(outcome.shown()).containsAnyOf("LOST_WRITE", "has lost something that it had acked");
        try (Stream<Path> left = Files.list(temporary)) {
            assertThat(left)
                    .singleElement()
                    .satisfies(log -> assertThat(outcome.shown()).contains(log.toString()));
        }
    }
}
