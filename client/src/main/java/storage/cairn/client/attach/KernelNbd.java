package storage.cairn.client.attach;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** A device of the kernel's nbd driver, connected by nbd-client. */
final class KernelNbd implements AttachStrategy {
    @Override
    public boolean limitsSize() {
        return false;
    }

    /** nbd-client cannot change the size of a device that is connected. */
    @Override
    public void grow(Attachment attachment, long sizeBytes) {
        long now = Long.parseLong(Tools.must("blockdev", "--getsize64", attachment.device()));
        if (now < sizeBytes) {
            throw new AttachException(
                    AttachException.Reason.REFUSED,
                    attachment.device() + " cannot grow while it is in use, since it is a device of the kernel's nbd"
                            + " driver: it has the new size when the volume is attached next");
        }
    }

    @Override
    public Made make(Path socket, Path log, long sizeBytes) throws IOException {
        String device = free();
        Tools.must("nbd-client", "-unix", socket.toString(), device, "-name", "", "-block-size", "4096");
        return new Made(device, connectedBy(device));
    }

    @Override
    public boolean isThere(Attachment attachment) {
        try {
            return !attachment.device().isEmpty()
                    && connectedBy(attachment.device()).equals(attachment.identity());
        } catch (IOException e) {
            // Not connected.
            return false;
        }
    }

    @Override
    public void remove(Attachment attachment) {
        if (isThere(attachment)) {
            Tools.must("nbd-client", "-d", attachment.device());
        }
    }

    /** The kernel shows this process as long as the device is connected, also when the process has ended. */
    private static String connectedBy(String device) throws IOException {
        Path name = Path.of(device).getFileName();
        return Files.readString(Path.of("/sys/block", String.valueOf(name), "pid"))
                .strip();
    }

    private static String free() throws IOException {
        try (Stream<Path> blocks = Files.list(Path.of("/sys/block"))) {
            return blocks.filter(block -> String.valueOf(block.getFileName()).matches("nbd\\d+"))
                    .filter(block -> !Files.exists(block.resolve("pid")))
                    .map(block -> "/dev/" + block.getFileName())
                    .sorted()
                    .findFirst()
                    .orElseThrow(() -> new AttachException(
                            AttachException.Reason.FAILED,
                            "Every nbd device of this kernel is in use: load the module with more (modprobe nbd"
                                    + " nbds_max=64), or disconnect one"));
        }
    }
}
