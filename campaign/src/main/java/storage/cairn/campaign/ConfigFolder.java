package storage.cairn.campaign;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/**
 * The folder of the embedded configuration store, on a small filesystem of its own, which can be made to refuse
 * changes, to hang, to be full, or to be gone from its place.
 */
final class ConfigFolder implements AutoCloseable {
    private static final int IMAGE_MIB = 48;
    private static final int FILL_BYTES = 1 << 20;
    private static final long AFTERMATH_NANOS = 30_000_000_000L;

    private final Path folder;
    private final Kind kind;
    private boolean gone;
    private volatile long troubledUntilNanos = Long.MIN_VALUE;

    private enum Kind {
        EXT4,
        TMPFS,
        PLAIN
    }

    /** Makes the folder; with its own filesystem where this process may mount one. */
    ConfigFolder(Path folder, boolean mounts) {
        this.folder = folder;
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.kind = mounts ? mount() : Kind.PLAIN;
    }

    private Kind mount() {
        Path image = folder.resolveSibling("config.img");
        boolean ext4 = Shell.attempt("truncate", "-s", IMAGE_MIB + "M", image.toString())
                        .good()
                && Shell.attempt("mkfs.ext4", "-q", "-m", "0", image.toString()).good()
                && Shell.attempt("mount", "-o", "loop", image.toString(), folder.toString())
                        .good();
        if (ext4) {
            return Kind.EXT4;
        }
        Shell.run("mount", "-t", "tmpfs", "-o", "size=16m", "none", folder.toString());
        return Kind.TMPFS;
    }

    Path folder() {
        return folder.resolve("store");
    }

    /** Kinds that are possible here. */
    Set<FaultKind> possible() {
        return switch (kind) {
            case EXT4 ->
                EnumSet.of(
                        FaultKind.CONFIG_READ_ONLY,
                        FaultKind.CONFIG_HANG,
                        FaultKind.CONFIG_FULL,
                        FaultKind.CONFIG_GONE);
            case TMPFS -> EnumSet.of(FaultKind.CONFIG_READ_ONLY, FaultKind.CONFIG_FULL, FaultKind.CONFIG_GONE);
            case PLAIN -> EnumSet.noneOf(FaultKind.class);
        };
    }

    /** Whether it took effect. */
    synchronized boolean begin(FaultKind fault) {
        troubledUntilNanos = Long.MAX_VALUE;
        return switch (fault) {
            case CONFIG_READ_ONLY ->
                Shell.attempt("mount", "-o", "remount,ro", folder.toString()).good();
            case CONFIG_HANG ->
                Shell.attempt("fsfreeze", "-f", folder.toString()).good();
            case CONFIG_FULL -> fill();
            case CONFIG_GONE -> {
                gone = Shell.attempt("mount", "-t", "tmpfs", "-o", "size=1m,ro", "none", folder.toString())
                        .good();
                yield gone;
            }
            case KILL,
                    KILL_ALL,
                    PAUSE,
                    COMEBACK,
                    RESTART,
                    PARTITION,
                    ONE_WAY,
                    ISOLATE,
                    LOSS,
                    DELAY,
                    RESET,
                    LATE,
                    DISK_FULL,
                    DISK_ERROR,
                    DISK_STALL,
                    ROT,
                    MOVE,
                    REATTACH -> throw new IllegalArgumentException(fault.label());
        };
    }

    /** Whether it is in trouble, or was a moment ago: an engine that starts then may give up, with exit code 1. */
    boolean troubled() {
        return System.nanoTime() < troubledUntilNanos;
    }

    /** Ends whatever it is. */
    synchronized void heal() {
        if (kind == Kind.PLAIN) {
            return;
        }
        troubledUntilNanos = Math.min(troubledUntilNanos, System.nanoTime() + AFTERMATH_NANOS);
        if (gone) {
            Shell.run("umount", "-l", folder.toString());
            gone = false;
        }
        Shell.Outcome _ = Shell.attempt("fsfreeze", "-u", folder.toString());
        Shell.run("mount", "-o", "remount,rw", folder.toString());
        try {
            Files.deleteIfExists(folder.resolve("fill"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean fill() {
        try (var out = Files.newOutputStream(folder.resolve("fill"))) {
            byte[] bytes = new byte[FILL_BYTES];
            while (true) {
                out.write(bytes);
            }
        } catch (IOException full) {
            return true;
        }
    }

    @Override
    public void close() {
        if (kind != Kind.PLAIN) {
            heal();
            Shell.run("umount", "-l", folder.toString());
        }
    }
}
