package storage.cairn.replicamanager.failover;

import java.util.Set;

/**
 * What is known of a node at one moment. Times are by our own clock, since something was seen to change: clocks of others
 * are not believed.
 *
 * @param number of its engine; 0: it has none
 * @param kubeletSilentMillis since kubelet's Lease changed
 * @param engineSilentMillis since its engine's Lease changed
 * @param missedBy live engines that cannot reach its engine
 * @param missedMillis for how long two of them have missed it without a break, or the only other one; 0: they do not
 * @param reachedBy live engines that reach its engine
 * @param confirmedMillis since a read from the store itself showed kubelet's Lease unchanged
 * @param answeredMillis since its machine answered a knock at kubelet's door, be it with a refusal
 * @param aliveMillis for how long kubelet and engine have been seen to live without a break; 0: they are not
 * @param optedOut somebody labelled it so
 * @param maintenance somebody works on it
 * @param failed it has our taint
 * @param clean what it had of our volumes when it failed is gone: it was started anew, or its driver says so
 */
record Host(
        String name,
        int number,
        long kubeletSilentMillis,
        long engineSilentMillis,
        Set<String> missedBy,
        long missedMillis,
        Set<String> reachedBy,
        long confirmedMillis,
        long answeredMillis,
        long aliveMillis,
        boolean optedOut,
        boolean maintenance,
        boolean failed,
        boolean clean) {
    Host {
        missedBy = Set.copyOf(missedBy);
        reachedBy = Set.copyOf(reachedBy);
    }
}
