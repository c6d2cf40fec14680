package storage.cairn.client.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The block devices that were made of the volumes of one cluster, each recorded in a file before it is relied on. */
public final class Attachments {
    private static final Path KERNEL_NBD = Path.of("/dev/nbd0");
    private static final String RECORD = ".json";
    /** Each has a process of some 90 MiB. */
    private static final int MAX_LOOPS = 64;

    private final Path folder;
    private final Helper helpers;

    public Attachments(Path clusterDir) {
        this(clusterDir, null);
    }

    /**
     * @param cgroups the host's /sys/fs/cgroup: what stays behind a device goes to the root of each hierarchy, and so
     *     outlives the container of this process; null: it stays where this process is
     */
    public Attachments(Path clusterDir, @Nullable Path cgroups) {
        this.folder = clusterDir.resolve("attachments");
        this.helpers = new Helper(cgroups);
    }

    /**
     * What a device is to be connected to.
     *
     * @param name of the export
     * @param uris of it at each node, the owner's first
     * @param sizeBytes of the device
     */
    public record Export(String name, List<String> uris, long sizeBytes) {
        public Export {
            uris = List.copyOf(uris);
        }
    }

    /**
     * An attachment as it is now.
     *
     * @param trouble why its device is of no use any more and what to do; empty when it works
     */
    public record Found(Attachment attachment, String trouble) {}

    /** What was recorded of a volume's attachment, whether its device still works or not. */
    public Optional<Found> look(String volume) {
        return recorded(volume).map(attachment -> new Found(attachment, trouble(attachment)));
    }

    private String trouble(Attachment attachment) {
        String volume = attachment.volume();
        String again = "'cairn volume attach " + volume + "' makes a new one";
        if (!attachment.boot().equals(Helper.boot())) {
            return "the machine was started anew, and its device is gone; " + again;
        }
        if (attachment.device().isEmpty()) {
            return "it was not completed; " + again;
        }
        if (!device(attachment).isThere(attachment)) {
            return "its device " + attachment.device() + " is gone; " + again;
        }
        if (!relay(volume).runs(attachment.relayPid())) {
            return "the process behind " + attachment.device() + " has ended (its log: " + log(volume)
                    + "), and the device answers with errors; unmount what is on it, then " + again;
        }
        return "";
    }

    /** The attachment of a volume, if its device is there. */
    public Optional<Attachment> find(String volume) {
        return recorded(volume).filter(this::isThere);
    }

    /** Every attachment whose device is there, by volume. */
    public List<Attachment> all() {
        return volumes().stream().flatMap(volume -> find(volume).stream()).toList();
    }

    /** Every volume that something was made for and not taken away, in order. */
    public List<String> volumes() {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(RECORD))
                    .map(name -> name.substring(0, name.length() - RECORD.length()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be listed", e);
        }
    }

    /** Whether something was made for a volume and not taken away, its device perhaps gone. */
    public boolean anythingOf(String volume) {
        return recorded(volume).isPresent();
    }

    /** Attaches a volume that is not attached yet; an attached one is left as it is. */
    public Attachment attach(String volume, Supplier<Export> serve) {
        Optional<Attachment> there = find(volume);
        if (there.isPresent()) {
            return there.get();
        }
        requireRoot("attach");
        Attachment.Kind kind = bestKind();
        // What a machine reset, a killed helper or an attach that failed half way left of an earlier device.
        recorded(volume).ifPresent(this::remove);
        Export export = serve.get();
        Attachment attachment = new Attachment(volume, kind, "", "", export.name(), Helper.boot(), 0);
        try {
            write(attachment);
            long relay = relay(volume).start(export.uris(), device(attachment).limitsSize());
            attachment = attachment.with("", "", relay);
            write(attachment);
            Path socket = relay(volume).socket();
            AttachStrategy.Made made = device(attachment).make(socket, log(volume), export.sizeBytes());
            attachment = attachment.with(made.device(), made.identity(), relay);
            write(attachment);
            return attachment;
        } catch (IOException e) {
            remove(attachment);
            throw new UncheckedIOException("volume " + volume + " cannot be attached in " + folder, e);
        } catch (AttachException e) {
            remove(attachment);
            throw e;
        }
    }

    /** Takes the device of a volume away, and what kept it alive. */
    public void detach(String volume) {
        Attachment attachment = recorded(volume)
                .orElseThrow(() ->
                        new AttachException(AttachException.Reason.NOT_FOUND, "Volume " + volume + " is not attached"));
        requireRoot("detach");
        String mountPoint = Mounts.of(attachment.device());
        if (isThere(attachment) && !mountPoint.isEmpty()) {
            throw new AttachException(
                    AttachException.Reason.REFUSED,
                    attachment.device() + " is mounted on " + mountPoint + ": unmount it before (umount " + mountPoint
                            + ")");
        }
        remove(attachment);
    }

    /** As {@link #detach}, also while it is mounted: for a device that answers with errors only, whoever has it open. */
    public void abandon(String volume) {
        recorded(volume).ifPresent(this::remove);
    }

    /**
     * Lets the device of a volume have its new size, while it is in use.
     *
     * @throws AttachException when this kind of device cannot
     */
    public void grow(String volume, long sizeBytes) {
        Attachment attachment = find(volume)
                .orElseThrow(() ->
                        new AttachException(AttachException.Reason.NOT_FOUND, "Volume " + volume + " is not attached"));
        device(attachment).grow(attachment, sizeBytes);
    }

    /** How many volumes can be attached here at once. */
    public static int limit() {
        if (!Files.exists(KERNEL_NBD)) {
            return MAX_LOOPS;
        }
        try (Stream<Path> blocks = Files.list(Path.of("/sys/block"))) {
            return (int)
                    blocks.filter(block -> String.valueOf(block.getFileName()).matches("nbd\\d+"))
                            .count();
        } catch (IOException e) {
            throw new UncheckedIOException("/sys/block cannot be listed: is /sys mounted?", e);
        }
    }

    /** Undoes exactly what was made, as far as it is still there. */
    private void remove(Attachment attachment) {
        String volume = attachment.volume();
        try {
            device(attachment).remove(attachment);
            relay(volume).end(attachment.relayPid());
            Files.deleteIfExists(log(volume));
            Files.deleteIfExists(file(volume));
        } catch (IOException e) {
            throw new UncheckedIOException("what attached " + volume + " cannot be removed from " + folder, e);
        }
    }

    private Optional<Attachment> recorded(String volume) {
        Path file = file(volume);
        return Files.exists(file) ? Optional.of(AttachmentFile.read(file)) : Optional.empty();
    }

    private boolean isThere(Attachment attachment) {
        return trouble(attachment).isEmpty();
    }

    private AttachStrategy device(Attachment attachment) {
        return switch (attachment.kind()) {
            case nbd -> new KernelNbd();
            case fuse -> new FuseLoop(folder.resolve(attachment.volume() + ".fuse"), helpers);
        };
    }

    private RelayProcess relay(String volume) {
        return new RelayProcess(folder.resolve(volume), log(volume), helpers);
    }

    private Path log(String volume) {
        return folder.resolve(volume + ".log");
    }

    private Path file(String volume) {
        if (!volume.matches("[a-z0-9-]{1,63}")) {
            throw new AttachException(
                    AttachException.Reason.INVALID,
                    "'" + volume + "' is not a volume's name: 1 to 63 of a-z, 0-9 and '-'");
        }
        return folder.resolve(volume + RECORD);
    }

    private void write(Attachment attachment) {
        Path file = file(attachment.volume());
        try {
            AttachmentFile.write(file, attachment);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written", e);
        }
    }

    private static void requireRoot(String what) {
        try {
            Object owner = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
            if (!Integer.valueOf(0).equals(owner)) {
                throw new AttachException(
                        AttachException.Reason.REFUSED,
                        "Only root may " + what + " a block device: run the same with sudo (and --data-dir)");
            }
        } catch (IOException e) {
            throw new UncheckedIOException("/proc/self cannot be read: is /proc mounted?", e);
        }
    }

    private static Attachment.Kind bestKind() {
        boolean kernel = Files.exists(KERNEL_NBD) && Tools.has("nbd-client");
        List<String> missing = new ArrayList<>();
        if (!kernel && !Tools.has("nbdfuse")) {
            missing.add("nbdfuse (package nbdfuse, or libnbd-bin on Debian 12 and Ubuntu 22.04)");
        }
        if (!kernel && !Tools.has("losetup")) {
            missing.add("losetup (package util-linux, or mount)");
        }
        if (!missing.isEmpty()) {
            throw new AttachException(
                    AttachException.Reason.FAILED,
                    (kernel ? "" : "This kernel has no " + KERNEL_NBD + " with nbd-client, so a FUSE file is used. ")
                            + "Install first: " + String.join(", ", missing));
        }
        if (!kernel && !(Files.exists(Path.of("/dev/fuse")) && Files.exists(Path.of("/dev/loop-control")))) {
            throw new AttachException(
                    AttachException.Reason.FAILED,
                    "This kernel has neither " + KERNEL_NBD + " nor both /dev/fuse and /dev/loop-control: load one of"
                            + " them (modprobe nbd, or modprobe -a fuse loop)");
        }
        return kernel ? Attachment.Kind.nbd : Attachment.Kind.fuse;
    }
}
