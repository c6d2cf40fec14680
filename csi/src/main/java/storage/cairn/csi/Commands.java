package storage.cairn.csi;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;

/** Runs programs of the system, such as mkfs and mount, each with a limit on its time and on what it may say. */
final class Commands {
    private static final Logger LOG = LogManager.getLogger(Commands.class);
    private static final int MAX_OUTPUT_BYTES = 64 << 10;
    private static final long USUAL_SECONDS = 60;
    /** The output of a program that has ended is there at once, unless a child of it lives on: nobody waits for that. */
    private static final long OUTPUT_SECONDS = 5;

    private Commands() {}

    /**
     * @param exitCode of the program
     * @param output of it, errors included
     */
    record Result(int exitCode, String output) {
        boolean ok() {
            return exitCode == 0;
        }
    }

    static Result run(String... line) {
        return run(USUAL_SECONDS, line);
    }

    static Result run(long seconds, String... line) {
        LOG.debug("runs {}", String.join(" ", line));
        try {
            ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
            builder.environment().merge("PATH", "/usr/sbin:/sbin", (own, more) -> own + ":" + more);
            builder.environment().put("LC_ALL", "C");
            Process process = builder.start();
            process.getOutputStream().close();
            Output output = new Output();
            Thread reader = Thread.ofVirtual().start(() -> output.read(process.getInputStream()));
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw CsiException.unavailable(
                        line[0] + " did not end within " + seconds + " s: does the volume answer? It is tried again",
                        null);
            }
            if (!reader.join(Duration.ofSeconds(OUTPUT_SECONDS))) {
                LOG.warn("{} left a process behind that holds its output open", line[0]);
            }
            return new Result(process.exitValue(), output.text());
        } catch (IOException e) {
            throw CsiException.internal(
                    line[0] + " cannot be run: " + e.getMessage() + ". Is its package in the image of the driver?", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CsiException.unavailable("interrupted while " + line[0] + " ran", e);
        }
    }

    /** What a program said so far, its beginning. */
    private static final class Output {
        private final ByteArrayOutputStream kept = new ByteArrayOutputStream();

        void read(InputStream in) {
            byte[] bytes = new byte[4096];
            try (in) {
                for (int count = in.read(bytes); count >= 0; count = in.read(bytes)) {
                    keep(bytes, count);
                }
            } catch (IOException e) {
                LOG.warn("what a program says cannot be read: {}", e.getMessage());
            }
        }

        private synchronized void keep(byte[] bytes, int count) {
            kept.write(bytes, 0, Math.min(count, MAX_OUTPUT_BYTES - kept.size()));
        }

        synchronized String text() {
            return kept.toString(StandardCharsets.UTF_8).strip();
        }
    }

    /** What the program said; anything but exit code 0 is a failure. */
    static String must(String... line) {
        return must(USUAL_SECONDS, line);
    }

    static String must(long seconds, String... line) {
        Result result = run(seconds, line);
        if (!result.ok()) {
            throw CsiException.internal(
                    String.join(" ", line) + " failed with exit code " + result.exitCode() + ": " + result.output(),
                    null);
        }
        return result.output();
    }
}
