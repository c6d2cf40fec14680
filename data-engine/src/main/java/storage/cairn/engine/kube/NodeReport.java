package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * How a node is, for its StorageNode. Whoever tells it serves: an engine that ended is missed by its Lease.
 *
 * @param bootId identity of the machine's present boot
 * @param address where other engines reach this one
 * @param ioMode io_uring or pool, and {@code ioReason} why it is that one
 * @param attachStrategy how volumes become devices here, and {@code attachReason} why so
 * @param disks of this node that are in a pool
 * @param remark what is wrong with disks that have no Disk of their own; empty when nothing is
 */
public record NodeReport(
        String version,
        String bootId,
        String address,
        String ioMode,
        String ioReason,
        String attachStrategy,
        String attachReason,
        int disks,
        int replicas,
        int owned,
        DiskReport.Space space,
        String remark) {

    ObjectNode status() {
        ObjectNode status = ApiClient.JSON.createObjectNode();
        status.put("version", version)
                .put("bootId", bootId)
                .put("address", address)
                .put("ioMode", ioMode)
                .put("ioReason", ioReason)
                .put("attachStrategy", attachStrategy)
                .put("attachReason", attachReason)
                .put("disks", disks)
                .put("replicas", replicas)
                .put("owned", owned);
        status.set("capacity", space.json());
        return status;
    }

    /** Whether only figures differ: what may wait for a minute. */
    public boolean sameButFigures(NodeReport other) {
        return withoutFigures().equals(other.withoutFigures());
    }

    private NodeReport withoutFigures() {
        return new NodeReport(
                version,
                bootId,
                address,
                ioMode,
                ioReason,
                attachStrategy,
                attachReason,
                disks,
                0,
                0,
                space.withoutUse(),
                remark);
    }
}
