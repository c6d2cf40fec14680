package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeMembershipSpec.Stale;

/**
 * The way out for a volume of which too few in-sync replicas are left, taken only when somebody asks for it. With one
 * in-sync replica nothing is lost but redundancy: each of them has every acked write. Without any, an older replica is
 * all there is, and what was written since is lost.
 */
final class Forced {
    private Forced() {}

    /** How it ends. */
    sealed interface Outcome {
        /** What takes the place of the stored one. */
        record Online(VolumeMembershipSpec next) implements Outcome {}

        record Refused(String reason) implements Outcome {}
    }

    static boolean isAsked(String recover) {
        return recover.startsWith(Api.FORCE_ONLINE_PREFIX);
    }

    /**
     * @param asked the annotation: the epoch that whoever asks has seen, and whether loss is accepted
     * @param server where the volume is served, empty: nowhere that can be heard
     */
    static Outcome force(VolumeMembershipSpec now, String asked, String server, Health health) {
        boolean acceptLoss = asked.endsWith(Api.FORCE_ACCEPT_LOSS);
        String epoch = asked.substring(
                Api.FORCE_ONLINE_PREFIX.length(), asked.length() - (acceptLoss ? Api.FORCE_ACCEPT_LOSS.length() : 0));
        if (!epoch.equals(Long.toString(now.epoch()))) {
            return new Outcome.Refused("it was asked for epoch '" + epoch + "', the volume has " + now.epoch()
                    + " by now: look again, and ask again if it still is needed");
        }
        if (!server.isEmpty()) {
            return new Outcome.Refused("the engine of " + server + " serves it and can be heard");
        }
        List<String> present = now.inSync().stream()
                .filter(disk -> health.awaySince(disk) == null)
                .toList();
        if (present.size() >= now.minInSync()) {
            return new Outcome.Refused("enough of its in-sync replicas can be reached");
        }
        if (!present.isEmpty()) {
            return new Outcome.Online(next(now, present));
        }
        String newest = newest(now, health);
        if (newest == null) {
            return new Outcome.Refused("none of its replicas can be reached");
        }
        return acceptLoss
                ? new Outcome.Online(next(now, List.of(newest)))
                : new Outcome.Refused(String.format(
                        Locale.ROOT,
                        "no in-sync replica can be reached; %s is the newest that can, and lacks what was acked after"
                                + " it fell behind. To lose that, ask again with --accept-loss",
                        health.place(newest)));
    }

    /** Of the replicas that lack writes, the reachable one that lacks fewest; none that is half rebuilt. */
    private static @Nullable String newest(VolumeMembershipSpec now, Health health) {
        return now.outOfSync().stream()
                .filter(each -> each.sinceSeq() > 0 && health.awaySince(each.disk()) == null)
                .max(Comparator.comparingLong(Stale::sinceSeq))
                .map(Stale::disk)
                .orElse(null);
    }

    private static VolumeMembershipSpec next(VolumeMembershipSpec now, List<String> inSync) {
        List<Stale> others = new ArrayList<>();
        for (String disk : VolumePlan.members(now)) {
            if (!inSync.contains(disk)) {
                // What it has may be of a past that this volume goes on without.
                others.add(new Stale(disk, 0));
            }
        }
        return with(now, inSync, others, inSync.size());
    }

    private static VolumeMembershipSpec with(
            VolumeMembershipSpec now, List<String> inSync, List<Stale> outOfSync, int minInSync) {
        return new VolumeMembershipSpec(
                now.name(),
                now.storeTerm(),
                now.epoch() + 1,
                UUID.randomUUID().toString(),
                null,
                inSync,
                inSync.equals(now.inSync()) ? now.syncing() : List.of(),
                outOfSync,
                minInSync,
                now.sizeBytes(),
                now.attachId(),
                now.formatted(),
                false,
                false);
    }

    /** The same volume, of which more replicas must have each write from now on. */
    static VolumeMembershipSpec protect(VolumeMembershipSpec now, int minInSync) {
        return with(now, now.inSync(), now.outOfSync(), minInSync);
    }
}
