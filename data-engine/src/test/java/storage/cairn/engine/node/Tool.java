package storage.cairn.engine.node;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A program of this machine, run by a test. */
final class Tool implements AutoCloseable {
    private final List<String> line;
    private final Process process;
    private final Path output;

    private Tool(List<String> line, Process process, Path output) {
        this.line = line;
        this.process = process;
        this.output = output;
    }

    /** Skips the test, loudly, when the program is not installed. */
    static void require(String program, String debianPackage) {
        boolean found = false;
        for (String folder : System.getenv("PATH").split(File.pathSeparator)) {
            found |= Files.isExecutable(Path.of(folder, program));
        }
        Assumptions.assumeTrue(found, program + " is missing: install " + debianPackage);
    }

    static Tool start(Path folder, List<String> line) throws IOException {
        Path output = Files.createTempFile(folder, "tool", ".out");
        ProcessBuilder builder =
                new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(output.toFile());
        // The distribution's Python has the distribution's modules, whatever else is first on the path.
        builder.environment().merge("PATH", "/usr/bin:/bin", (path, system) -> system + ":" + path);
        Process process = builder.start();
        return new Tool(line, process, output);
    }

    static Tool start(Path folder, String... line) throws IOException {
        return start(folder, List.of(line));
    }

    /** Runs it to its end, which has to be a good one; answers what it said. */
    static String run(Path folder, Duration atMost, String... line) throws Exception {
        try (Tool tool = start(folder, line)) {
            return tool.succeed(atMost);
        }
    }

    String succeed(Duration atMost) throws Exception {
        int code = end(atMost);
        if (code != 0) {
            throw new AssertionError(line + " ended with " + code + ":\n" + said());
        }
        return said();
    }

    int end(Duration atMost) throws Exception {
        if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError(line + " still runs after " + atMost + ":\n" + said());
        }
        return process.exitValue();
    }

    boolean runs() {
        return process.isAlive();
    }

    String said() throws IOException {
        return Files.readString(output, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
