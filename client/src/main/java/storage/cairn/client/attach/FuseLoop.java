package storage.cairn.client.attach;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A loop device with 4 KiB sectors over a file that nbdfuse shows. */
final class FuseLoop implements AttachStrategy {
    private final Path mountPoint;
    private final Helper helpers;

    FuseLoop(Path mountPoint, Helper helpers) {
        this.mountPoint = mountPoint;
        this.helpers = helpers;
    }

    private Path file() {
        return mountPoint.resolve("volume");
    }

    /** The file is longer than any volume; the device ends where the volume does. */
    @Override
    public boolean limitsSize() {
        return true;
    }

    @Override
    public void grow(Attachment attachment, long sizeBytes) {
        LoopDevice.limit(Path.of(attachment.device()), sizeBytes);
    }

    @Override
    public Made make(Path socket, Path log, long sizeBytes) throws IOException {
        Files.createDirectories(mountPoint);
        var unused = helpers.start(log, "nbdfuse", file().toString(), "--unix", socket.toString());
        Helper.await(
                "nbdfuse did not show " + file(), log, () -> Mounts.isMountPoint(mountPoint) && Files.exists(file()));
        String device = Tools.must(
                "losetup",
                "--find",
                "--show",
                "--sizelimit",
                Long.toString(sizeBytes),
                "--sector-size",
                "4096",
                "--direct-io=on",
                file().toString());
        return new Made(device, file().toString());
    }

    @Override
    public boolean isThere(Attachment attachment) {
        return isOurs(attachment.device());
    }

    @Override
    public void remove(Attachment attachment) throws IOException {
        if (attachment.boot().equals(Helper.boot())) {
            removeDevices();
        }
        if (Mounts.isMountPoint(mountPoint)
                && !Tools.run("umount", mountPoint.toString()).ok()) {
            // Its server is gone, or does not answer.
            Tools.must("umount", "--lazy", mountPoint.toString());
        }
        Files.deleteIfExists(mountPoint);
    }

    /** Those of an earlier boot are gone; in a container one of that name may be another node's. */
    private void removeDevices() {
        String devices = Tools.run("losetup", "--noheadings", "--output", "NAME", "--associated", file().toString())
                .output();
        for (String device : devices.split("\n")) {
            if (isOurs(device.strip())) {
                Tools.must("losetup", "--detach", device.strip());
            }
        }
    }

    private boolean isOurs(String device) {
        if (device.isEmpty()) {
            return false;
        }
        Path name = Path.of(device).getFileName();
        try {
            return Files.readString(Path.of("/sys/block", String.valueOf(name), "loop", "backing_file"))
                    .strip()
                    .equals(file().toString());
        } catch (IOException e) {
            // Not a loop device in use.
            return false;
        }
    }
}
