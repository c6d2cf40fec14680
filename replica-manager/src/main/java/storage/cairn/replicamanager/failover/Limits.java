package storage.cairn.replicamanager.failover;

/**
 * Times and limits of failover.
 *
 * @param nodeLeaseMillis kubelet's Lease unchanged for so long is one proof of a node's death; kubelet renews each 10 s
 * @param answeringMillis the same of a node whose machine answers: its processes hang, or the API server was slow
 * @param unreachableMillis two engines that cannot reach a node for so long are the other
 * @param othersMillis some other node's Lease changed within so long: else it may be us who are cut off
 * @param engineMillis an engine that is dead for so long on a live node counts as that node's storage failure
 * @param confirmedMillis how old a read of the Lease may be on which force is used
 * @param returnedMillis how long a node shows that it lives before it may host our volumes again
 * @param mostPercent of all nodes that may be dead at once: more hold everything, since that is rarely what happened
 * @param nodesPerMinute failovers that begin
 * @param podsAtOnce pods of a node that are deleted in one round
 */
record Limits(
        long nodeLeaseMillis,
        long answeringMillis,
        long unreachableMillis,
        long othersMillis,
        long engineMillis,
        long confirmedMillis,
        long returnedMillis,
        int mostPercent,
        int nodesPerMinute,
        int podsAtOnce) {
    static final Limits DEFAULTS = new Limits(12_000, 40_000, 3_000, 12_000, 60_000, 2_000, 10_000, 34, 3, 100);

    Limits withNodeLease(long millis) {
        return new Limits(
                millis,
                Math.max(millis, answeringMillis),
                unreachableMillis,
                othersMillis,
                engineMillis,
                confirmedMillis,
                returnedMillis,
                mostPercent,
                nodesPerMinute,
                podsAtOnce);
    }
}
