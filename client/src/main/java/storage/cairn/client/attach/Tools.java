package storage.cairn.client.attach;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

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
        try {
            ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
            builder.environment().merge("PATH", "/usr/sbin:/sbin", (own, more) -> own + ":" + more);
            Process process = builder.start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AttachException(
                        AttachException.Reason.FAILED, line[0] + " did not end within " + SECONDS + " s");
            }
            return new Result(process.exitValue(), output);
        } catch (IOException e) {
            throw new AttachException(AttachException.Reason.FAILED, line[0] + " cannot be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AttachException(AttachException.Reason.FAILED, "interrupted", e);
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
