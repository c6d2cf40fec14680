package storage.cairn.cli.cluster;

import java.util.List;

/** {@code cluster.json}: the nodes of a cluster and where each one listens. The engines read it too. */
public record ClusterFile(String clusterId, List<Node> nodes) {
    public ClusterFile {
        nodes = List.copyOf(nodes);
    }

    /**
     * @param node number, from 1
     * @param peerAddress where other engines connect, as {@code host:port}; the other addresses likewise
     */
    public record Node(
            int node,
            String peerAddress,
            String controlSocket,
            String controlAddress,
            String nbdSocket,
            String nbdAddress,
            String metricsAddress) {}
}
