package storage.cairn.engine.sim;

import java.util.List;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/**
 * Every scripted schedule by its name. Each plays one coincidence that random worlds hardly ever bring about, in which a
 * rule of the design is all that keeps a promise; the seed varies what the schedule leaves open. They throw a
 * {@link Violation} when a promise is broken.
 */
final class Schedules {
    private static final TreeMap<String, LongConsumer> ALL = new TreeMap<>();

    static {
        ALL.put("new-owner-waits-for-grant", LeaseSchedules::newOwnerWaitsForGrant);
        ALL.put("restarted-replica-is-silent", LeaseSchedules::restartedReplicaIsSilent);
        ALL.put("lease-counts-from-sending", LeaseSchedules::leaseCountsFromSending);
        ALL.put("lease-is-checked-after-fetching", LeaseSchedules::leaseIsCheckedAfterFetching);
        ALL.put("promotion-needs-grant", LeaseSchedules::promotionNeedsGrant);
    }

    private Schedules() {}

    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    static void play(String name, long seed) {
        LongConsumer schedule = ALL.get(name);
        if (schedule == null) {
            throw new IllegalArgumentException("no schedule is named '" + name + "'; there are: " + names());
        }
        schedule.accept(seed);
    }
}
