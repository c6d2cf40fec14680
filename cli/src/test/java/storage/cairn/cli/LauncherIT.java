package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher in a tree of its own, with this build's jars and a Maven wrapper that only pretends. */
final class LauncherIT {
    private static final String WRAPPER = """
            #!/bin/sh
            echo "$@" >> wrapper.calls
            [ ! -e wrapper.fails ] || { echo '[ERROR] no such package'; exit 1; }
            # A JVM that is interrupted ends with this code.
            trap 'exit 130' INT
            while [ -e wrapper.waits ]; do sleep 0.05; done
            mkdir -p cli/target && cp the.jar cli/target/cairn-cli-0.jar && ln -s ../../the.lib cli/target/lib
            """;

    @TempDir
    private Path temporary = Path.of("");

    private Path tree = Path.of("");

    @BeforeEach
    void makeTree() throws IOException {
        tree = Files.createDirectory(temporary.resolve("tree with a space"));
        Path repository = Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());
        Files.copy(repository.resolve("cairn"), tree.resolve("cairn"));
        for (String module : List.of("api", "data-engine", "cli")) {
            Files.createDirectories(tree.resolve(module).resolve("src/main"));
            Files.createFile(tree.resolve(module).resolve("pom.xml"));
        }
        Files.createFile(tree.resolve("pom.xml"));
        Files.createDirectories(tree.resolve("cli/target"));
        try (Stream<Path> built = Files.list(repository.resolve("cli/target"))) {
            Path jar = built.filter(file -> file.getFileName().toString().matches("cairn-cli-.*\\.jar"))
                    .findFirst()
                    .orElseThrow();
            Files.copy(jar, tree.resolve("the.jar"));
        }
        Files.createSymbolicLink(tree.resolve("the.lib"), repository.resolve("cli/target/lib"));
        Files.writeString(tree.resolve("mvnw"), WRAPPER);
        Files.setPosixFilePermissions(tree.resolve("mvnw"), PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private record Outcome(int exitCode, String out) {}

    private Outcome run(Path launcher, String... arguments) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of(launcher.toString()));
        line.addAll(List.of(arguments));
        ProcessBuilder builder =
                new ProcessBuilder(line).redirectErrorStream(true).directory(temporary.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Outcome(process.waitFor(), out);
    }

    /** As after a build, which need not be run for what is not about it. */
    private void alreadyBuilt() throws IOException {
        Files.copy(tree.resolve("the.jar"), tree.resolve("cli/target/cairn-cli-0.jar"));
        Files.createSymbolicLink(tree.resolve("cli/target/lib"), Path.of("../../the.lib"));
    }

    private long builds() throws IOException {
        Path calls = tree.resolve("wrapper.calls");
        return Files.exists(calls) ? Files.readAllLines(calls).size() : 0;
    }

    @Test
    void buildsWhatIsMissingOnceAndRuns() throws Exception {
        Outcome first = run(tree.resolve("cairn"), "version");
        assertThat(first.exitCode()).as(first.out()).isZero();
        assertThat(first.out())
                .contains("building Cairn")
                .contains("cairn ")
                .as("the class caches are made")
                .doesNotContain("more slowly");
        assertThat(tree.resolve("cli/target/cairn.aot")).exists();
        assertThat(tree.resolve("cli/target/engine.aot")).exists();
        assertThat(Files.readString(tree.resolve("wrapper.calls")))
                .contains("-Dfast")
                .contains("package");

        Outcome second = run(tree.resolve("cairn"), "version");

        assertThat(second.out()).doesNotContain("building");
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void buildsAnewWhenASourceIsNewer() throws Exception {
        alreadyBuilt();
        Path source = Files.createFile(tree.resolve("data-engine/src/main/New.java"));
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(60)));

        Path launcher = tree.resolve("cairn");
        assertThat(run(Path.of("env"), "CAIRN_AS_BUILT=yes", launcher.toString(), "version")
                        .exitCode())
                .isZero();
        assertThat(builds()).as("taken as it is").isZero();
        assertThat(run(launcher, "version").exitCode()).isZero();
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void worksThroughASymbolicLinkAsAPluginOfKubectl() throws Exception {
        alreadyBuilt();
        Path bin = Files.createDirectory(temporary.resolve("bin"));
        Path link = Files.createSymbolicLink(bin.resolve("kubectl-cairn"), Path.of("../tree with a space/cairn"));

        Outcome outcome = run(link, "version", "-o", "json");

        assertThat(outcome.exitCode()).as(outcome.out()).isZero();
        assertThat(outcome.out()).contains("\"version\"");
    }

    @Test
    void aBuildThatFailsIsToldWithItsLog() throws Exception {
        Files.createFile(tree.resolve("wrapper.fails"));

        Outcome outcome = run(tree.resolve("cairn"), "version");

        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.out())
                .contains("[ERROR] no such package")
                .contains(tree.resolve("target/build.log").toString());
    }

    /** Ctrl-C goes to the whole process group of the terminal, and is not ignored as by what runs in the background. */
    private Process interruptible(String... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of("env", "--default-signal=INT", "setsid", "--wait"));
        line.add(tree.resolve("cairn").toString());
        line.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(temporary.resolve("out").toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        return builder.start();
    }

    private int interrupted(Process process) throws IOException, InterruptedException {
        assertThat(new ProcessBuilder("kill", "-INT", "--", "-" + process.pid())
                        .start()
                        .waitFor())
                .isZero();
        assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
        return process.exitValue();
    }

    @Test
    void ctrlCEndsABuildAndIsNotCalledAFailure() throws Exception {
        Files.createFile(tree.resolve("wrapper.waits"));
        Process process = interruptible("demo");
        await().until(() -> builds() == 1);

        assertThat(interrupted(process)).isEqualTo(130);

        assertThat(Files.readString(temporary.resolve("out"))).doesNotContain("failed");
    }

    private List<Path> trainings() throws IOException {
        try (Stream<Path> found = Files.list(tree.resolve("cli/target"))) {
            return found.filter(file -> file.getFileName().toString().startsWith("training."))
                    .toList();
        }
    }

    /** The engine that is trained is a process of its own, which no Ctrl-C reaches. */
    @Test
    void ctrlCWhileTheEngineIsTrainedLeavesNeitherTheEngineNorItsFiles() throws Exception {
        Process process = interruptible("demo");
        await().atMost(Duration.ofMinutes(5))
                .until(() -> trainings().stream()
                        .anyMatch(folder -> Files.exists(folder.resolve("cluster/node-1/engine.pid"))));

        assertThat(interrupted(process)).isEqualTo(130);

        assertThat(trainings()).isEmpty();
        assertThat(ProcessHandle.allProcesses()
                        .filter(each -> each.info().commandLine().orElse("").contains(tree + "/cli/target/training.")))
                .isEmpty();
        assertThat(Files.readString(temporary.resolve("out"))).doesNotContain("Starting 3 engines");
    }

    @Test
    void aTrainingThatFailsIsSaidInOneLine() throws Exception {
        Path tools = Files.createDirectory(temporary.resolve("tools"));
        for (String tool : List.of(
                "bash",
                "sh",
                "env",
                "readlink",
                "dirname",
                "find",
                "mkdir",
                "mktemp",
                "rm",
                "mv",
                "cp",
                "ln",
                "touch",
                "flock",
                "stty")) {
            Path program = Path.of("/usr/bin", tool);
            if (Files.exists(program)) {
                Files.createSymbolicLink(tools.resolve(tool), program);
            }
        }
        ProcessBuilder builder =
                new ProcessBuilder(tree.resolve("cairn").toString(), "version").redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        // No setsid, without which no engine starts.
        builder.environment().put("PATH", tools.toString());
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(out).isZero();
        assertThat(out).contains("engines will start more slowly").contains("training.log");
        assertThat(trainings()).isEmpty();
    }

    @Test
    void exitCodesOfCommandsComeThrough() throws Exception {
        alreadyBuilt();
        assertThat(run(tree.resolve("cairn"), "nonsense").exitCode()).isEqualTo(2);
        assertThat(run(
                                tree.resolve("cairn"),
                                "status",
                                "--data-dir",
                                temporary.resolve("none").toString())
                        .exitCode())
                .isEqualTo(3);
    }
}
