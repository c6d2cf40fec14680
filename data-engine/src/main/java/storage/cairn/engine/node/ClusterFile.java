package storage.cairn.engine.node;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import storage.cairn.engine.replication.NodeIdentity;

/**
 * The nodes of a cluster on one machine and where each listens.
 *
 * @param clusterId the cluster's identity, which its disks carry too
 */
public record ClusterFile(UUID clusterId, List<Node> nodes) {
    public ClusterFile {
        nodes = List.copyOf(nodes);
        Set<Integer> numbers = new HashSet<>();
        for (Node node : nodes) {
            if (node.node() < 1 || node.node() > NodeIdentity.MAX_NODE || !numbers.add(node.node())) {
                throw new IllegalArgumentException(
                        "node " + node.node() + " is given twice or not within 1 to " + NodeIdentity.MAX_NODE);
            }
        }
    }

    /**
     * @param node number, from 1
     * @param peerAddress where other engines connect, as {@code host:port}
     * @param controlSocket path of the control service's unix socket
     * @param controlAddress its TCP address
     * @param nbdSocket path of the NBD server's unix socket
     * @param nbdAddress its TCP address
     * @param metricsAddress of metrics and health, by HTTP
     */
    public record Node(
            int node,
            String peerAddress,
            String controlSocket,
            String controlAddress,
            String nbdSocket,
            String nbdAddress,
            String metricsAddress) {}

    Node node(int number) {
        return nodes.stream()
                .filter(node -> node.node() == number)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "node " + number + " is not among the nodes " + numbers() + " of the cluster file"));
    }

    /** All numbers, rising. */
    List<Integer> numbers() {
        List<Integer> numbers = new ArrayList<>();
        for (Node node : nodes) {
            numbers.add(node.node());
        }
        numbers.sort(null);
        return numbers;
    }
}
