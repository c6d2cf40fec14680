package storage.cairn.cli.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Json;

/** The block devices that were made of the volumes of one cluster, each recorded in a file before it is relied on. */
public final class Attachments {
    private static final Path KERNEL_NBD = Path.of("/dev/nbd0");

    private final Path folder;

    public Attachments(Path clusterDir) {
        this.folder = clusterDir.resolve("attachments");
    }

    /**
     * What a device is to be connected to.
     *
     * @param name of the export
     * @param socket of the owner's NBD server
     */
    public record Export(String name, String socket) {}

    /** The attachment of a volume, if its device is there. */
    public Optional<Attachment> find(String volume) {
        return recorded(volume).filter(this::isThere);
    }

    /** Attaches a volume that is not attached yet; an attached one is left as it is. */
    public Attachment attach(String volume, Supplier<Export> serve) {
        Optional<Attachment> there = find(volume);
        if (there.isPresent()) {
            return there.get();
        }
        requireRoot("attach");
        boolean kernel = Files.exists(KERNEL_NBD) && Tools.has("nbd-client");
        if (!kernel) {
            requireTools();
        }
        // What a machine reset, a killed helper or an attach that failed half way left of an earlier device.
        recorded(volume).ifPresent(left -> strategy(left.strategy()).remove(left));
        Export export = serve.get();
        Attachment made = strategy(kernel ? KernelNbd.NAME : FuseLoop.NAME).make(volume, export, this::write);
        write(made);
        return made;
    }

    /** Takes the device of a volume away, and what kept it alive. */
    public void detach(String volume) {
        Attachment attachment = recorded(volume)
                .orElseThrow(() -> new Failure(ExitCode.NOT_FOUND, "Volume " + volume + " is not attached"));
        requireRoot("detach");
        String mountPoint = Mounts.of(attachment.device());
        if (isThere(attachment) && !mountPoint.isEmpty()) {
            throw new Failure(
                    ExitCode.REFUSED,
                    attachment.device() + " is mounted on " + mountPoint + ": unmount it before (umount " + mountPoint
                            + ")");
        }
        strategy(attachment.strategy()).remove(attachment);
        delete(file(volume));
    }

    private Optional<Attachment> recorded(String volume) {
        Path file = file(volume);
        return Files.exists(file) ? Optional.of(Json.read(file, Attachment.class)) : Optional.empty();
    }

    private boolean isThere(Attachment attachment) {
        return attachment.boot().equals(Helper.boot())
                && !attachment.device().isEmpty()
                && strategy(attachment.strategy()).isThere(attachment);
    }

    private Strategy strategy(String name) {
        return switch (name) {
            case KernelNbd.NAME -> new KernelNbd();
            case FuseLoop.NAME -> new FuseLoop(folder);
            default -> throw new Failure(ExitCode.FAILED, "An attachment of an unknown kind is recorded in " + folder);
        };
    }

    private Path file(String volume) {
        if (!volume.matches("[a-z0-9-]{1,63}")) {
            throw new Failure(ExitCode.USAGE, "'" + volume + "' is not a volume's name: 1 to 63 of a-z, 0-9 and '-'");
        }
        return folder.resolve(volume + ".json");
    }

    private void write(Attachment attachment) {
        Path file = file(attachment.volume());
        try {
            Files.createDirectories(folder);
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.writeString(fresh, Json.text(attachment) + "\n");
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written", e);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be deleted", e);
        }
    }

    private static void requireRoot(String what) {
        try {
            Object owner = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
            if (!Integer.valueOf(0).equals(owner)) {
                throw new Failure(
                        ExitCode.REFUSED,
                        "Only root may " + what + " a block device: run the same with sudo (and --data-dir)");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("/proc/self cannot be read: is /proc mounted?", e);
        }
    }

    private static void requireTools() {
        List<String> missing = new ArrayList<>();
        if (!Tools.has("nbdfuse")) {
            missing.add("nbdfuse (package nbdfuse, or libnbd-bin on Debian 12 and Ubuntu 22.04)");
        }
        if (!Tools.has("nbdkit")) {
            missing.add("nbdkit (package nbdkit)");
        }
        if (!Tools.has("losetup")) {
            missing.add("losetup (package util-linux, or mount)");
        }
        if (!missing.isEmpty()) {
            throw new Failure(
                    ExitCode.FAILED,
                    "This kernel has no " + KERNEL_NBD + " with nbd-client, and for a FUSE file below a loop device "
                            + String.join(", ", missing) + " must be installed first");
        }
        if (!Files.exists(Path.of("/dev/fuse")) || !Files.exists(Path.of("/dev/loop-control"))) {
            throw new Failure(
                    ExitCode.FAILED,
                    "This kernel has neither " + KERNEL_NBD + " nor both /dev/fuse and /dev/loop-control: load one of"
                            + " them (modprobe nbd, or modprobe -a fuse loop)");
        }
    }
}
