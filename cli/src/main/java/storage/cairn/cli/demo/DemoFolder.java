package storage.cairn.cli.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/**
 * The folders that a demo makes, from before the first is made until the last is gone: its own one and those above it
 * that were not there. Once it is closed nothing can be made any more.
 */
final class DemoFolder implements AutoCloseable {
    /** Those that did not exist before, the innermost first. */
    private final List<Path> above = new ArrayList<>();

    private @Nullable Path own;
    private boolean closed;

    /** Makes a folder and what is missing above it. */
    synchronized Path base(Path dir) {
        mustBeOpen();
        Path absolute = dir.toAbsolutePath().normalize();
        for (Path at = absolute; at != null && !Files.exists(at); at = at.getParent()) {
            above.add(at);
        }
        try {
            return Files.createDirectories(absolute);
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The folder " + dir + " cannot be made: " + e.getMessage(), e);
        }
    }

    /** Makes the demo's own folder. */
    synchronized Path make(Path base) {
        mustBeOpen();
        try {
            Path folder = Files.createTempDirectory(base, "cairn-demo-");
            own = folder;
            return folder;
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "No folder can be made in " + base + ": " + e.getMessage(), e);
        }
    }

    /** Leaves everything as it is. */
    synchronized void keep() {
        closed = true;
    }

    synchronized void mustBeOpen() {
        if (closed) {
            throw new Failure(ExitCode.FAILED, "the demo has ended");
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (own != null) {
            deleteAll(own);
        }
        for (Path folder : above) {
            try {
                Files.deleteIfExists(folder);
            } catch (DirectoryNotEmptyException e) {
                // The log of a failure, or another demo, or something of others.
                return;
            } catch (IOException e) {
                throw new UncheckedIOException(folder + " cannot be deleted: delete it by hand", e);
            }
        }
    }

    private static void deleteAll(Path folder) {
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.deleteIfExists(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    // Gone by itself meanwhile; what is really left makes its folder fail below.
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) throws IOException {
                    Files.deleteIfExists(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be deleted: delete it by hand", e);
        }
    }
}
