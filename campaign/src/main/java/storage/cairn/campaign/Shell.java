package storage.cairn.campaign;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs the tools of the system: ip, nft, mount and the like. */
final class Shell {
    private static final int SECONDS = 60;

    private Shell() {}

    /** Exit code and what it printed. */
    record Outcome(int code, String output) {
        boolean good() {
            return code == 0;
        }
    }

    /** Runs a tool that must succeed. */
    static void run(String... line) {
        Outcome outcome = attempt(line);
        if (!outcome.good()) {
            throw new IllegalStateException(
                    String.join(" ", line) + " failed with exit code " + outcome.code + ": " + outcome.output);
        }
    }

    /** Runs a tool; one that is not there is exit code 127. */
    static Outcome attempt(String... line) {
        return feed("", line);
    }

    /** The same with an input. */
    static Outcome feed(String input, String... line) {
        try {
            Process process =
                    new ProcessBuilder(List.of(line)).redirectErrorStream(true).start();
            try (var in = process.getOutputStream()) {
                in.write(input.getBytes(StandardCharsets.UTF_8));
            }
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return new Outcome(-1, "did not end within " + SECONDS + " s");
            }
            return new Outcome(process.exitValue(), output);
        } catch (IOException e) {
            return new Outcome(127, String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException("interrupted while " + line[0] + " ran", e));
        }
    }

    static boolean has(String tool) {
        return attempt("sh", "-c", "command -v " + tool).good();
    }
}
