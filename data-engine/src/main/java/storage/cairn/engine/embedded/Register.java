package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One compare-and-set register: a directory of numbered files of which the highest is current.
 *
 * <p>Version N+1 is a synced temporary file that is hard-linked to its number. The kernel lets exactly one link of a
 * name succeed, which decides the race, and nobody holds anything that a stopped process could keep.
 *
 * <p>Old versions are removed, which opens one hole: a process that stood still between looking and linking may link
 * a number that was there and is gone again. Two rules close it. Numbers are removed in rising order, the current one
 * never. And after its link the writer reads the version it started from once more: as long as that very file is
 * there, the number after it was never removed, so the link was the first. (Who started from nothing looks for a
 * higher number instead.) Otherwise the outcome is unknown: a file linked too late lies below the current one and
 * counts for nothing.
 *
 * <p>A version that was linked by somebody who died before syncing the directory is synced by its first reader, so
 * that nobody acts on what a power cut could take back.
 *
 * <p>Blocking file I/O; one thread for each instance, any number of processes for each directory.
 */
final class Register {
    /** Newest versions that are kept. */
    static final int KEPT_VERSIONS = 16;

    /** Versions between two removals. */
    private static final int REMOVE_EVERY = 16;

    private static final int DIGITS = 16;
    private static final String SUFFIX = ".json";
    private static final int MAX_READ_ATTEMPTS = 100;

    private final Path directory;
    private final Temporaries temporaries;
    private long syncedVersion;

    Register(Path directory, Temporaries temporaries) {
        this.directory = directory;
        this.temporaries = temporaries;
    }

    /**
     * @param version from 1
     * @param envelope what it holds
     */
    record Entry(long version, Envelope envelope) {}

    /** What became of {@link #replace}. */
    enum Outcome {
        APPLIED,
        CONFLICT,
        UNKNOWN
    }

    /** The current value, durable, or null if there never was one. */
    @Nullable
    Entry read() throws IOException {
        for (int attempt = 0; attempt < MAX_READ_ATTEMPTS; attempt++) {
            long version = highest();
            if (version == 0) {
                return null;
            }
            try {
                Envelope envelope = Envelope.read(file(version));
                if (version > syncedVersion) {
                    sync(directory);
                    syncedVersion = version;
                }
                return new Entry(version, envelope);
            } catch (NoSuchFileException overtaken) {
                // Many newer versions were written between the look and the read: look again.
                continue;
            }
        }
        throw new IOException(directory + " changes faster than it can be read");
    }

    /**
     * Replaces the value if {@code expected} is still the current version; 0 stands for no value.
     *
     * @throws NotAppliedException if it failed before it could take effect
     * @throws IOException if it failed later
     */
    Outcome replace(long expected, Envelope value) throws IOException, NotAppliedException {
        Envelope before = null;
        Path temporary;
        try {
            Entry current = read();
            if ((current == null ? 0 : current.version) != expected) {
                return Outcome.CONFLICT;
            }
            before = current == null ? null : current.envelope;
            if (current == null) {
                createDirectory(directory);
            }
            temporary = temporaries.write(value.encode());
        } catch (IOException e) {
            throw new NotAppliedException(e);
        }
        try {
            Files.createLink(file(expected + 1), temporary);
        } catch (FileAlreadyExistsException taken) {
            return Outcome.CONFLICT;
        } catch (IOException | UnsupportedOperationException e) {
            throw new NotAppliedException(e);
        } finally {
            Files.deleteIfExists(temporary);
        }
        sync(directory);
        boolean first = before == null ? highest() == 1 : unchanged(expected, before);
        if (!first) {
            return Outcome.UNKNOWN;
        }
        syncedVersion = Math.max(syncedVersion, expected + 1);
        if ((expected + 1) % REMOVE_EVERY == 0) {
            removeOld(expected + 1);
        }
        return Outcome.APPLIED;
    }

    private boolean unchanged(long version, Envelope content) throws IOException {
        try {
            Envelope now = Envelope.read(file(version));
            return now.kind().equals(content.kind()) && Arrays.equals(now.json(), content.json());
        } catch (NoSuchFileException gone) {
            return false;
        }
    }

    private void removeOld(long current) throws IOException {
        List<Long> versions = versions();
        Collections.sort(versions);
        for (long version : versions) {
            if (version <= current - KEPT_VERSIONS) {
                Files.deleteIfExists(file(version));
            }
        }
    }

    private long highest() throws IOException {
        long highest = 0;
        for (long version : versions()) {
            highest = Math.max(highest, version);
        }
        return highest;
    }

    /** Versions that are there, in no order; names that are no version take part in nothing. */
    private List<Long> versions() throws IOException {
        List<Long> versions = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                long version = versionOf(file.getFileName().toString());
                if (version > 0) {
                    versions.add(version);
                }
            }
        } catch (NoSuchFileException absent) {
            return versions;
        } catch (java.nio.file.DirectoryIteratorException e) {
            throw e.getCause();
        }
        return versions;
    }

    private static long versionOf(String name) {
        if (name.length() != DIGITS + SUFFIX.length() || !name.endsWith(SUFFIX)) {
            return 0;
        }
        long version = 0;
        for (int i = 0; i < DIGITS; i++) {
            char digit = name.charAt(i);
            if (digit < '0' || digit > '9') {
                return 0;
            }
            version = version * 10 + (digit - '0');
        }
        return version;
    }

    private Path file(long version) {
        return directory.resolve(("%0" + DIGITS + "d" + SUFFIX).formatted(version));
    }

    /** Makes a directory durably; fine if it is there, though perhaps not yet durable. */
    static void createDirectory(Path directory) throws IOException {
        Files.createDirectories(directory);
        Path parent = directory.getParent();
        if (parent != null) {
            sync(parent);
        }
    }

    static void sync(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (NoSuchFileException gone) {
            throw gone;
        } catch (IOException e) {
            throw new SyncFailedException(directory, e);
        }
    }

    /** A directory could not be made durable. The kernel tells that once: nothing read from it counts any more. */
    static final class SyncFailedException extends IOException {
        SyncFailedException(Path directory, IOException cause) {
            super(directory + " could not be made durable, the configuration store stops: " + cause, cause);
        }
    }

    /** A replacement that failed before it took effect, and never will take effect. */
    static final class NotAppliedException extends Exception {
        NotAppliedException(Throwable cause) {
            super(cause.toString(), cause);
        }
    }
}
