package storage.cairn.cli.cluster;

/**
 * What a new local cluster is to be.
 *
 * @param nodes 1 to 16
 * @param diskBytes of the one file-backed disk of each node
 * @param ioMode {@code auto}, {@code io_uring} or {@code pool}
 */
public record ClusterPlan(int nodes, long diskBytes, String ioMode) {
    public static final int MAX_NODES = 16;
}
