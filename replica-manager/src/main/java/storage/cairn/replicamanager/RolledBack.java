package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeMembershipSpec.Stale;

/**
 * What follows when replicas hold a later configuration than the store: the store was restored from a backup, and what
 * it says of this volume is of the past.
 */
final class RolledBack {
    private RolledBack() {}

    /**
     * The newest configuration that a replica holds and that the store's cannot follow from; null: there is none, as
     * usual.
     *
     * @param held by disk, what engines told of replicas that are ahead
     */
    static @Nullable VolumeMembershipSpec newest(VolumeMembershipSpec stored, Map<String, VolumeMembershipSpec> held) {
        VolumeMembershipSpec newest = null;
        for (VolumeMembershipSpec each : held.values()) {
            if (provesAgainst(each, stored) && (newest == null || isNewer(each, newest))) {
                newest = each;
            }
        }
        return newest;
    }

    private static boolean isNewer(VolumeMembershipSpec one, VolumeMembershipSpec other) {
        return one.storeTerm() != other.storeTerm() ? one.storeTerm() > other.storeTerm() : one.epoch() > other.epoch();
    }

    private static boolean provesAgainst(VolumeMembershipSpec held, VolumeMembershipSpec stored) {
        boolean otherHistory = held.storeTerm() == stored.storeTerm()
                && held.epoch() == stored.epoch()
                && !held.changeId().equals(stored.changeId());
        return isNewer(held, stored) || otherHistory;
    }

    /** How a recovery ends. */
    sealed interface Outcome {
        /** What takes the place of the stored one. */
        record Recovered(VolumeMembershipSpec next) implements Outcome {}

        record Refused(String reason) implements Outcome {}
    }

    /**
     * The configuration to go on from: the newest one, in a new term, owned by nobody.
     *
     * @param acceptLoss whether members that cannot be reached may be left out, with what only they hold
     */
    static Outcome recover(
            VolumeMembershipSpec stored, VolumeMembershipSpec newest, Health health, boolean acceptLoss) {
        List<String> inSync = new ArrayList<>();
        List<Stale> outOfSync = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (String disk : newest.inSync()) {
            if (health.awaySince(disk) == null) {
                inSync.add(disk);
            } else {
                missing.add(health.place(disk));
                outOfSync.add(new Stale(disk, 0));
            }
        }
        if (!missing.isEmpty() && !acceptLoss) {
            return new Outcome.Refused("these in-sync replicas cannot be reached, and may know more: " + missing
                    + ". Bring them back, or give --accept-loss to go on without what only they hold");
        }
        if (inSync.isEmpty()) {
            return new Outcome.Refused("no in-sync replica can be reached; there is nothing to recover from");
        }
        newest.syncing().forEach(each -> outOfSync.add(new Stale(each.disk(), each.sinceSeq())));
        outOfSync.addAll(newest.outOfSync());
        return new Outcome.Recovered(new VolumeMembershipSpec(
                stored.name(),
                Math.max(stored.storeTerm(), newest.storeTerm()) + 1,
                newest.epoch() + 1,
                UUID.randomUUID().toString(),
                null,
                inSync,
                List.of(),
                outOfSync,
                Math.min(newest.minInSync(), inSync.size()),
                Math.max(stored.sizeBytes(), newest.sizeBytes()),
                newest.attachId(),
                stored.formatted() || newest.formatted(),
                false,
                false));
    }
}
