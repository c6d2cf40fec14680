package storage.cairn.cli.attach;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A local NBD socket behind which a volume stays reachable while its engine restarts: nbdkit with its retry filter, which
 * connects anew when the connection ends. Requests wait meanwhile.
 *
 * <pre>
 * FOLDER/nbdkit.sock - nbdkit (retry, nbd) - the NBD socket of the node that owned the volume at the attach
 * </pre>
 */
final class Relay {
    /** Seconds, one for each attempt, after which a volume that nobody serves makes the device fail. */
    private static final int RETRIES = 3_600;

    private final Path folder;

    Relay(Path folder) {
        this.folder = folder;
    }

    Path socket() {
        return folder.resolve("nbdkit.sock");
    }

    /** Starts it in the background, and answers with its process once it accepts connections. */
    long start(String exportName, String nodeSocket) throws IOException {
        Files.createDirectories(folder);
        Files.deleteIfExists(socket());
        Files.deleteIfExists(pidFile());
        // By itself into the background: in the foreground it would end together with this process.
        var unused = Tools.must(
                "nbdkit",
                "--unix",
                socket().toString(),
                "--pidfile",
                pidFile().toString(),
                "--filter=retry",
                "nbd",
                "socket=" + nodeSocket,
                "export=" + exportName,
                "retries=" + RETRIES,
                "retry-delay=1",
                "retry-exponential=no");
        Helper.await("nbdkit was not ready", pidFile(), () -> pidFile().toFile().length() > 0);
        return Long.parseLong(Files.readString(pidFile()).strip());
    }

    boolean runs(long pid) {
        return Helper.runs(pid, socket().toString());
    }

    void end(long pid) throws IOException {
        Helper.end(pid, socket().toString());
        Files.deleteIfExists(socket());
        Files.deleteIfExists(pidFile());
        Files.deleteIfExists(folder);
    }

    private Path pidFile() {
        return folder.resolve("nbdkit.pid");
    }
}
