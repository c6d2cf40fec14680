package storage.cairn.cli.cluster;

import java.util.List;

/** {@code cluster.json}: the nodes of a cluster and where each one listens. The engines read it too. */
public record ClusterFile(String clusterId, List<Node> nodes) {
    public ClusterFile {
        if (clusterId == null || nodes == null || nodes.isEmpty()) {
            throw new IllegalArgumentException("it names no cluster or no nodes");
        }
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
            String metricsAddress) {
        public Node {
            for (String place :
                    new String[] {peerAddress, controlSocket, controlAddress, nbdSocket, nbdAddress, metricsAddress}) {
                if (place == null || place.isEmpty()) {
                    throw new IllegalArgumentException("node " + node + " lacks an address or a socket");
                }
            }
        }
    }
}
