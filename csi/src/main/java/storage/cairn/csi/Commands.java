package storage.cairn.csi;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;

/** Runs programs of the system, such as mkfs and mount, each with a limit on its time and on what it may say. */
final class Commands {
    private static final Logger LOG = LogManager.getLogger(Commands.class);
    private static final int MAX_OUTPUT_BYTES = 64 << 10;
    private static final long USUAL_SECONDS = 60;
    /** The output of a program that has ended is there at once, unless a child of it lives on. */
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
            CompletableFuture<String> output = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> read(process.getInputStream(), output));
            if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw CsiException.unavailable(
                        line[0] + " did not end within " + seconds + " s: does the volume answer? It is tried again",
                        null);
            }
            return new Result(process.exitValue(), output.get(OUTPUT_SECONDS, TimeUnit.SECONDS));
        } catch (TimeoutException e) {
            throw CsiException.unavailable(
                    line[0] + " ended and left a process behind that holds its output open; it is tried again", e);
        } catch (IOException | ExecutionException e) {
            throw CsiException.internal(
                    line[0] + " cannot be run: " + e.getMessage() + ". Is its package in the image of the driver?", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CsiException.unavailable("interrupted while " + line[0] + " ran", e);
        }
    }

    private static void read(InputStream in, CompletableFuture<String> output) {
        try (in) {
            byte[] bytes = in.readNBytes(MAX_OUTPUT_BYTES);
            in.transferTo(OutputStream.nullOutputStream());
            output.complete(new String(bytes, StandardCharsets.UTF_8).strip());
        } catch (IOException e) {
            output.completeExceptionally(e);
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
