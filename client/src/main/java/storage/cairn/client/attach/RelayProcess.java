package storage.cairn.client.attach;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import storage.cairn.client.relay.Relay;

/**
 * The process of a {@link Relay} that stays behind a device.
 *
 * <pre>
 * FOLDER/relay.jar   the classes it runs on, its own copy: those of the checkout may be built anew meanwhile
 * FOLDER/relay.sock  where it listens; in /run if that path is too long for a socket
 * </pre>
 */
final class RelayProcess {
    /** sockaddr_un holds 108 bytes with the closing zero: unix(7). */
    private static final int MAX_SOCKET_PATH_BYTES = 107;

    /** All of its memory is there from the start: when memory is short, it is what has to go on. */
    private static final List<String> JVM = List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xms32m",
            "-Xmx128m",
            "-XX:+AlwaysPreTouch",
            "-XX:MaxDirectMemorySize=64m",
            "-Djdk.nio.maxCachedBufferSize=1310720",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xlog:disable",
            "-Xlog:all=error:stderr");

    private final Path folder;
    private final Path log;
    private final Helper helpers;

    RelayProcess(Path folder, Path log, Helper helpers) {
        this.folder = folder;
        this.log = log;
        this.helpers = helpers;
    }

    Path socket() {
        Path near = folder.resolve("relay.sock");
        byte[] bytes = near.toString().getBytes(StandardCharsets.UTF_8);
        if (Relay.unready(near).toString().getBytes(StandardCharsets.UTF_8).length <= MAX_SOCKET_PATH_BYTES) {
            return near;
        }
        CRC32C sum = new CRC32C();
        sum.update(bytes);
        return Path.of("/run", "cairn-" + HexFormat.of().toHexDigits((int) sum.getValue()) + "-relay.sock");
    }

    /**
     * Starts it in the background, and answers with its process once it accepts connections.
     *
     * @param anySize whether it announces the largest size there can be, rather than that of the volume
     */
    long start(List<String> uris, boolean anySize) throws IOException {
        Files.createDirectories(folder);
        Files.deleteIfExists(socket());
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(JVM);
        line.addAll(List.of("-cp", classes().toString(), Relay.class.getName()));
        if (anySize) {
            line.add(Relay.ANY_SIZE);
        }
        line.add(socket().toString());
        line.addAll(uris);
        long pid = helpers.start(log, line.toArray(String[]::new));
        try {
            Helper.await("What stands behind the device did not reach the volume", log, () -> {
                // Not by its arguments, which are not to be seen for a moment while it becomes the program.
                if (ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty()) {
                    throw new AttachException(
                            AttachException.Reason.FAILED, "What stands behind the device ended: " + Helper.said(log));
                }
                return Files.exists(socket());
            });
        } catch (AttachException e) {
            end(pid);
            throw e;
        }
        return pid;
    }

    private Path classes() throws IOException {
        Path there;
        try {
            URI location = Relay.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI();
            there = Path.of(location);
        } catch (URISyntaxException e) {
            throw new IOException("the classes of this command cannot be found", e);
        }
        return Files.isDirectory(there)
                ? there
                : Files.copy(there, folder.resolve("relay.jar"), StandardCopyOption.REPLACE_EXISTING);
    }

    boolean runs(long pid) {
        return Helper.runs(pid, socket().toString());
    }

    void end(long pid) throws IOException {
        Helper.end(pid, socket().toString());
        Files.deleteIfExists(socket());
        Files.deleteIfExists(Relay.unready(socket()));
        Files.deleteIfExists(folder.resolve("relay.jar"));
        Files.deleteIfExists(folder);
    }
}
