package storage.cairn.client.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Programs of the system: whether they are there, from which package they come, and what they answer. */
final class Tools {
    private static final int SECONDS = 60;
    private static final List<Path> USUAL = List.of(
            Path.of("/usr/local/sbin"),
            Path.of("/usr/local/bin"),
            Path.of("/usr/sbin"),
            Path.of("/usr/bin"),
            Path.of("/sbin"),
            Path.of("/bin"));

    private Tools() {}

    /**
     * @param exitCode of the program
     * @param output of it and what it said about errors
     */
    record Result(int exitCode, String output) {
        boolean ok() {
            return exitCode == 0;
        }
    }

    static boolean has(String program) {
        List<Path> folders = new ArrayList<>();
        String path = System.getenv("PATH");
        if (path != null) {
            for (String folder : path.split(":")) {
                folders.add(Path.of(folder.isEmpty() ? "." : folder));
            }
        }
        folders.addAll(USUAL);
        return folders.stream().anyMatch(folder -> Files.isExecutable(folder.resolve(program)));
    }

    static Result run(String... line) {
        return run(SECONDS, line);
    }

    /** What it says goes to a file: a program that it leaves behind would hold a pipe open for ever. */
    static Result run(int seconds, String... line) {
        Path said = null;
        try {
            said = Files.createTempFile("cairn-tool", ".out");
            ProcessBuilder builder =
                    new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(said.toFile());
            builder.environment().merge("PATH", "/usr/sbin:/sbin", (own, more) -> own + ":" + more);
            Process process = builder.start();
            process.getOutputStream().close();
            boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
            String output = new String(Files.readAllBytes(said), StandardCharsets.UTF_8).strip();
            if (!ended) {
                process.destroyForcibly();
                throw new AttachException(
                        AttachException.Reason.FAILED,
                        String.join(" ", line) + " did not end within " + seconds + " s; it said: " + output);
            }
            return new Result(process.exitValue(), output);
        } catch (IOException e) {
            throw new AttachException(AttachException.Reason.FAILED, line[0] + " cannot be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AttachException(AttachException.Reason.FAILED, "interrupted", e);
        } finally {
            delete(said);
        }
    }

    private static void delete(@Nullable Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be deleted", e);
        }
    }

    /** What the program printed; anything but exit code 0 is a failure with what it said. */
    static String must(String... line) {
        Result result = run(line);
        if (!result.ok()) {
            throw new AttachException(
                    AttachException.Reason.FAILED,
                    String.join(" ", line) + " failed with exit code " + result.exitCode() + ": " + result.output());
        }
        return result.output();
    }
}
