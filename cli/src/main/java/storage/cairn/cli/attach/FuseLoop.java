package storage.cairn.cli.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/**
 * A loop device with 4 KiB sectors over a file that nbdfuse shows. Between nbdfuse and the engine stands nbdkit, whose
 * retry filter connects anew when the engine restarts, so that the device only waits.
 *
 * <pre>
 * loopN - attachments/NAME/fuse/volume - nbdfuse - attachments/NAME/nbdkit.sock - nbdkit - the owner's nbd.sock
 * </pre>
 */
final class FuseLoop implements Strategy {
    static final String NAME = "fuse";

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    /** An engine that is not back after this time makes the device fail. */
    private static final int RETRIES = 1_800;

    private final Path attachments;

    FuseLoop(Path attachments) {
        this.attachments = attachments;
    }

    @Override
    public Attachment make(String volume, Attachments.Export export, Consumer<Attachment> record) {
        Path folder = attachments.resolve(volume);
        Path mountPoint = folder.resolve("fuse");
        Path file = mountPoint.resolve("volume");
        Path socket = folder.resolve("nbdkit.sock");
        Path log = attachments.resolve(volume + ".log");
        Attachment attachment =
                new Attachment(volume, NAME, "", export.name(), Helper.boot(), folder.toString(), file.toString(), 0);
        try {
            Files.createDirectories(mountPoint);
            Files.deleteIfExists(socket);
            record.accept(attachment);
            long nbdkit = Helper.start(
                    log,
                    "nbdkit",
                    "--foreground",
                    "--unix",
                    socket.toString(),
                    "--filter=retry",
                    "nbd",
                    "socket=" + export.socket(),
                    "export=" + export.name(),
                    "retries=" + RETRIES,
                    "retry-delay=1",
                    "retry-exponential=no");
            attachment = with(attachment, "", nbdkit);
            record.accept(attachment);
            await("nbdkit did not open " + socket, log, () -> Files.exists(socket));
            Helper.start(log, "nbdfuse", file.toString(), "nbd+unix:///?socket=" + socket);
            await("nbdfuse did not show " + file, log, () -> Mounts.isMountPoint(mountPoint) && Files.exists(file));
            String device = Tools.must(
                    "losetup", "--find", "--show", "--sector-size", "4096", "--direct-io=on", file.toString());
            return with(attachment, device, nbdkit);
        } catch (IOException e) {
            remove(attachment);
            throw new UncheckedIOException("volume " + volume + " cannot be attached in " + folder, e);
        } catch (Failure e) {
            remove(attachment);
            throw e;
        }
    }

    @Override
    public boolean isThere(Attachment attachment) {
        return isLoopOf(attachment.device(), attachment.backingFile())
                && Helper.runs(attachment.helperPid(), attachment.folder() + "/nbdkit.sock");
    }

    @Override
    public void remove(Attachment attachment) {
        Path folder = Path.of(String.valueOf(attachment.folder()));
        Path mountPoint = folder.resolve("fuse");
        for (String device : Tools.run(
                        "losetup",
                        "--noheadings",
                        "--output",
                        "NAME",
                        "--associated",
                        String.valueOf(attachment.backingFile()))
                .output()
                .split("\n")) {
            if (isLoopOf(device.strip(), attachment.backingFile())) {
                Tools.must("losetup", "--detach", device.strip());
            }
        }
        if (Mounts.isMountPoint(mountPoint)) {
            // Lazy only when nobody serves it any more: what is written must reach a live one first.
            Tools.Result unmounted = Tools.run("umount", mountPoint.toString());
            if (!unmounted.ok()) {
                Tools.must("umount", "--lazy", mountPoint.toString());
            }
        }
        Helper.end(attachment.helperPid(), folder.resolve("nbdkit.sock").toString());
        try {
            Files.deleteIfExists(folder.resolve("nbdkit.sock"));
            Files.deleteIfExists(mountPoint);
            Files.deleteIfExists(folder);
            Files.deleteIfExists(attachments.resolve(attachment.volume() + ".log"));
        } catch (IOException e) {
            throw new UncheckedIOException("what attached " + attachment.volume() + " cannot be removed", e);
        }
    }

    /** By its backing file: another program may have the same number by now. */
    private static boolean isLoopOf(String device, @Nullable String backingFile) {
        if (device.isEmpty() || backingFile == null) {
            return false;
        }
        Path backing = Path.of("/sys/block", Path.of(device).getFileName().toString(), "loop", "backing_file");
        try {
            return Files.readString(backing).strip().equals(backingFile);
        } catch (IOException e) {
            // Not a loop device in use.
            return false;
        }
    }

    private static Attachment with(Attachment attachment, String device, long helperPid) {
        return new Attachment(
                attachment.volume(),
                attachment.strategy(),
                device,
                attachment.exportName(),
                attachment.boot(),
                attachment.folder(),
                attachment.backingFile(),
                helperPid);
    }

    private static void await(String otherwise, Path log, BooleanSupplier condition) throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() >= deadline) {
                String said = Files.exists(log) ? Files.readString(log).strip() : "";
                throw new Failure(ExitCode.FAILED, otherwise + " within " + PATIENCE.toSeconds() + " s: " + said);
            }
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
        }
    }
}
