package storage.cairn.cli.attach;

import org.jspecify.annotations.Nullable;

/**
 * A volume that is a block device here, as {@code DIR/attachments/NAME.json} records it.
 *
 * @param strategy {@code nbd} or {@code fuse}
 * @param device the block device
 * @param exportName what it is connected to
 * @param boot of the machine; after a reset the device is gone
 * @param folder of the helpers' files; with {@code fuse} only, like what follows
 * @param backingFile of the loop device, by which it is recognised
 * @param helperPid of nbdkit, which keeps the device alive while an engine restarts
 */
public record Attachment(
        String volume,
        String strategy,
        String device,
        String exportName,
        String boot,
        @Nullable String folder,
        @Nullable String backingFile,
        long helperPid) {}
