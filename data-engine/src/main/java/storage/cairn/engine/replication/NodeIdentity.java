package storage.cairn.engine.replication;

import java.util.List;
import java.util.UUID;

/**
 * Who an engine is in its cluster.
 *
 * @param node its number, from 1
 * @param cluster the cluster's identity; frames of another cluster are refused
 * @param secret the cluster's shared secret, 16 to 64 bytes, with which engines prove themselves to each other
 * @param nodes numbers of all nodes of the cluster, this one included, rising
 */
public record NodeIdentity(int node, UUID cluster, byte[] secret, List<Integer> nodes) {
    /** The largest node number, which bounds what a peer may claim to be. */
    public static final int MAX_NODE = 1_023;

    public NodeIdentity {
        nodes = List.copyOf(nodes);
        secret = secret.clone();
        if (node < 1 || node > MAX_NODE || !nodes.contains(node)) {
            throw new IllegalArgumentException("node " + node + " is not one of the cluster's nodes " + nodes);
        }
        if (secret.length < 16 || secret.length > 64) {
            throw new IllegalArgumentException("the cluster's secret has " + secret.length + " bytes, not 16 to 64");
        }
    }
}
