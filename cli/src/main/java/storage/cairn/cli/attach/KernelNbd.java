package storage.cairn.cli.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/** A device of the kernel's nbd driver, connected by nbd-client, which connects anew when the engine restarts. */
final class KernelNbd implements Strategy {
    static final String NAME = "nbd";

    @Override
    public Attachment make(String volume, Attachments.Export export, Consumer<Attachment> record) {
        String device = freeDevice();
        Attachment attachment = new Attachment(volume, NAME, device, export.name(), Helper.boot(), null, null, 0);
        record.accept(attachment);
        Tools.must(
                "nbd-client",
                "-unix",
                export.socket(),
                device,
                "-name",
                export.name(),
                "-block-size",
                "4096",
                // Without netlink the program stays, and only then does it connect anew.
                "-nonetlink",
                "-persist");
        return attachment;
    }

    @Override
    public boolean isThere(Attachment attachment) {
        Path pid = block(attachment.device()).resolve("pid");
        try {
            return Helper.runs(Long.parseLong(Files.readString(pid).strip()), attachment.exportName());
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

    private static String freeDevice() {
        try (Stream<Path> blocks = Files.list(Path.of("/sys/block"))) {
            return blocks.filter(block -> block.getFileName().toString().matches("nbd\\d+"))
                    .filter(block -> !Files.exists(block.resolve("pid")))
                    .map(block -> "/dev/" + block.getFileName())
                    .sorted()
                    .findFirst()
                    .orElseThrow(() -> new Failure(
                            ExitCode.FAILED,
                            "Every nbd device of this kernel is in use: load the module with more (modprobe nbd"
                                    + " nbds_max=64), or disconnect one"));
        } catch (IOException e) {
            throw new UncheckedIOException("/sys/block cannot be read", e);
        }
    }

    private static Path block(String device) {
        return Path.of("/sys/block", Path.of(device).getFileName().toString());
    }
}
