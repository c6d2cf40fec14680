package storage.cairn.client.attach;

/**
 * A volume that is a block device here, as {@code DIR/attachments/NAME.json} records it.
 *
 * @param kind of the device
 * @param device the block device; empty while it is being made
 * @param identity by which the device is recognised, since another program may have its number by now: for a loop
 *     device the file below it, for an nbd device the process that connected it
 * @param exportName what it is connected to
 * @param boot of the machine; after a reset the device is gone
 * @param relayPid process that stands between the device and the nodes
 */
public record Attachment(
        String volume, Kind kind, String device, String identity, String exportName, String boot, long relayPid) {

    /** By what the kernel here allows. */
    public enum Kind {
        /** The kernel's nbd driver. */
        nbd,
        /** A loop device over a file that nbdfuse shows. */
        fuse
    }

    public Attachment {
        if (volume == null
                || kind == null
                || device == null
                || identity == null
                || exportName == null
                || boot == null) {
            throw new IllegalArgumentException("it lacks a part of what was attached");
        }
    }

    Attachment with(String newDevice, String newIdentity, long newRelayPid) {
        return new Attachment(volume, kind, newDevice, newIdentity, exportName, boot, newRelayPid);
    }
}
