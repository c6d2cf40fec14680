package storage.cairn.cli.cluster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/**
 * Decides where the unix sockets of a node lie: in its own folder, or, if that path is longer than the kernel takes for
 * a socket or has other letters than ASCII, which gRPC cannot connect to, in a short folder of this user.
 */
final class SocketFolder {
    /** sockaddr_un holds 108 bytes with the closing zero: unix(7). */
    static final int MAX_PATH_BYTES = 107;

    private SocketFolder() {}

    static Path choose(Path nodeFolder, String clusterId) {
        if (fits(nodeFolder.resolve("control.sock"))) {
            return nodeFolder;
        }
        String name = "cairn-" + clusterId.substring(0, 8) + "-" + nodeFolder.getFileName();
        String runtime = System.getenv("XDG_RUNTIME_DIR");
        if (runtime != null && Files.isWritable(Path.of(runtime))) {
            Path folder = Path.of(runtime).resolve(name);
            if (fits(folder.resolve("control.sock"))) {
                return folder;
            }
        }
        return Path.of("/tmp").resolve(name);
    }

    static boolean fits(Path socket) {
        String path = socket.toString();
        return path.getBytes(StandardCharsets.UTF_8).length <= MAX_PATH_BYTES
                && StandardCharsets.US_ASCII.newEncoder().canEncode(path);
    }

    /** Makes the folder if it is not there, readable for this user only; somebody else's is refused. */
    static void make(Path folder) throws IOException {
        if (folder.getParent() != null) {
            Files.createDirectories(folder.getParent());
        }
        try {
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            if (Files.isRegularFile(folder)) {
                throw e;
            }
            boolean ours = Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
                    && Files.getOwner(folder).equals(Files.getOwner(Path.of("/proc/self")));
            if (!ours) {
                throw new Failure(
                        ExitCode.REFUSED,
                        folder + " belongs to somebody else: choose a --data-dir with a shorter path",
                        e);
            }
        }
    }
}
