package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Synced files without a place yet, in a folder of the store's own file system.
 *
 * <p>Those of processes that died are removed by whoever starts next. To remove one of a process that only stood
 * still is harmless: its link fails then, and nothing was applied.
 */
class Temporaries {
    private static final long STALE_AFTER_MILLIS = 10 * 60_000L;

    private final Path folder;

    Temporaries(Path folder) {
        this.folder = folder;
    }

    Path write(byte[] content) throws IOException {
        Path file = folder.resolve(UUID.randomUUID() + ".tmp");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer left = ByteBuffer.wrap(content);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
            return file;
        } catch (IOException e) {
            Files.deleteIfExists(file);
            throw e;
        }
    }

    /** Removes what was left behind more than ten minutes before {@code nowMillis} of the wall clock. */
    void removeStale(long nowMillis) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.tmp")) {
            for (Path file : files) {
                try {
                    if (nowMillis - Files.getLastModifiedTime(file).toMillis() > STALE_AFTER_MILLIS) {
                        Files.deleteIfExists(file);
                    }
                } catch (NoSuchFileException gone) {
                    // Its owner or another engine was faster, which is as good.
                    continue;
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }
}
