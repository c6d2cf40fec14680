package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * How a disk is, for its Disk.
 *
 * @param id UUID of its label, or the one that its label will have
 * @param state Discovered, Ready, Draining or Failed
 * @param reason why so, in words; empty when nothing is to be said
 * @param media nvme, ssd, hdd or file
 * @param model as the disk says itself, like {@code serial}; empty when it does not
 * @param durability writeThrough or writeBack, empty while it is not open
 */
public record DiskReport(
        String id,
        String state,
        String reason,
        String path,
        String bootId,
        Space space,
        String media,
        String model,
        String serial,
        String durability,
        String ioMode,
        int replicas,
        long checksumErrors) {

    private static final int NOTEWORTHY_PART = 20;

    /** Bytes. */
    public record Space(long rawBytes, long usableBytes, long usedBytes) {
        ObjectNode json() {
            return ApiClient.JSON
                    .createObjectNode()
                    .put("rawBytes", rawBytes)
                    .put("usableBytes", usableBytes)
                    .put("usedBytes", usedBytes);
        }

        /** Whether so much more or less of it is taken that decisions may depend on it. */
        boolean differs(Space other) {
            return Math.abs(usedBytes - other.usedBytes) >= usableBytes / NOTEWORTHY_PART && usableBytes > 0;
        }

        Space withoutUse() {
            return new Space(rawBytes, usableBytes, 0);
        }
    }

    /** One in a pool that is nowhere to be found: what was last told of it stays, but for its state. */
    public static DiskReport absent(String id, String reason) {
        return new DiskReport(id, "Failed", reason, "", "", new Space(0, 0, 0), "", "", "", "", "", 0, 0);
    }

    boolean ready() {
        return state.equals("Ready") || state.equals("Draining");
    }

    ObjectNode status(String node) {
        ObjectNode status = ApiClient.JSON.createObjectNode();
        status.put("state", state).put("reason", reason);
        if (path.isEmpty()) {
            return status.putNull("holder");
        }
        status.put("node", node)
                .put("path", path)
                .put("media", media)
                .put("model", model)
                .put("serial", serial)
                .put("ioMode", ioMode)
                .put("replicas", replicas)
                .put("checksumErrors", checksumErrors);
        if (!durability.isEmpty()) {
            status.put("durability", durability);
        }
        if (ready()) {
            status.putObject("holder").put("node", node).put("bootId", bootId);
        }
        status.set("capacity", space.json());
        return status;
    }

    /** Whether only figures differ, and by little: what may wait for a minute. That a disk has become empty is waited for. */
    public boolean sameButFigures(DiskReport other) {
        return !space.differs(other.space) && withoutFigures().equals(other.withoutFigures());
    }

    private DiskReport withoutFigures() {
        return new DiskReport(
                id,
                state,
                reason,
                path,
                bootId,
                space.withoutUse(),
                media,
                model,
                serial,
                durability,
                ioMode,
                Math.min(replicas, 1),
                checksumErrors);
    }
}
