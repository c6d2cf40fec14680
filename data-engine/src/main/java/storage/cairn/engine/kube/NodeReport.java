package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * How a node is, for its StorageNode. Whoever tells it serves: an engine that ended is missed by its Lease.
 *
 * @param bootId identity of the machine's present boot
 * @param address where other engines reach this one
 * @param ioMode io_uring or pool, and {@code ioReason} why it is that one
 * @param attachStrategy how volumes become devices here, and {@code attachReason} why so
 * @param disks of this node that are in a pool
 * @param traffic of volumes that are served here, or were lately
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
        List<Traffic> traffic,
        String remark) {
    public NodeReport {
        traffic = List.copyOf(traffic);
    }

    /**
     * What hosts did with a volume since this node serves it.
     *
     * @param remoteReadBytes of {@code readBytes}, what came from replicas of other nodes
     * @param bytesPerSecond read and written lately
     */
    public record Traffic(String volume, long readBytes, long remoteReadBytes, long writeBytes, long bytesPerSecond) {}

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
        ArrayNode volumes = status.putArray("traffic");
        for (Traffic each : traffic) {
            volumes.addObject()
                    .put("volume", each.volume())
                    .put("readBytes", each.readBytes())
                    .put("remoteReadBytes", each.remoteReadBytes())
                    .put("writeBytes", each.writeBytes())
                    .put("bytesPerSecond", each.bytesPerSecond());
        }
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
                List.of(),
                remark);
    }
}
