package storage.cairn.engine.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The commands of {@code e2e/guest}, for tests that need a kernel of their own. A test is skipped, and says why,
 * where the guest cannot be built or the environment variable CAIRN_GUEST is {@code off}.
 */
public final class Guest {
    private static final Path COMMANDS =
            Path.of("..", "e2e", "guest").toAbsolutePath().normalize();
    private static final Path LOGS = Path.of("target", "guest").toAbsolutePath();
    private static final int MOST_MINUTES = 20;

    private static @Nullable String problem;
    private static boolean built;

    private Guest() {}

    /** Builds the guest with the classes under test, once for this process. */
    public static synchronized void require() throws Exception {
        if (!built) {
            built = true;
            problem = build();
        }
        String why = problem;
        if (why != null) {
            abort("skipped: the guest kernel is not available: " + why);
        }
    }

    private static @Nullable String build() throws Exception {
        if ("off".equals(System.getenv("CAIRN_GUEST"))) {
            return "CAIRN_GUEST=off";
        }
        if (!System.getProperty("os.name").equals("Linux")
                || !System.getProperty("os.arch").equals("amd64")) {
            return "it runs on Linux on x86_64 only";
        }
        Result result = start("build", "--cairn", System.getProperty("java.class.path"));
        return result.exitCode == 0 ? null : result.output.strip();
    }

    /** Runs a command of {@code e2e/guest}, which must succeed, and returns what it said. */
    public static String run(String... command) throws Exception {
        require();
        Result result = start(command);
        assertThat(result.exitCode)
                .as("%s said:%n%s", String.join(" ", command), result.output)
                .isZero();
        return result.output;
    }

    private static Result start(String... command) throws IOException, InterruptedException {
        Files.createDirectories(LOGS);
        Path log = Files.createTempFile(LOGS, command[0], ".log");
        List<String> line = new ArrayList<>(Arrays.asList(command));
        line.set(0, COMMANDS.resolve(command[0]).toString());
        ProcessBuilder builder =
                new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("CAIRN_GUEST_CLASSPATH", System.getProperty("java.class.path"));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        boolean ended = process.waitFor(MOST_MINUTES, TimeUnit.MINUTES);
        if (!ended) {
            // In order, so that it takes its guest with it.
            process.destroy();
            process.waitFor(1, TimeUnit.MINUTES);
        }
        return new Result(ended ? process.exitValue() : -1, Files.readString(log));
    }

    private record Result(int exitCode, String output) {}
}
