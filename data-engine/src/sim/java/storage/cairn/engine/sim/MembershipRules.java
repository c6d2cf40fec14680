package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;

/** What every accepted change of a membership must obey, whoever made it. */
final class MembershipRules {
    private MembershipRules() {}

    static void check(Configuration before, Configuration after) {
        if (after.epoch() != before.epoch() + 1) {
            broken("I4", before, after, "the epoch goes up by one with each change");
        }
        if (!after.volume().equals(before.volume()) || !after.name().equals(before.name())) {
            broken("I4", before, after, "a volume keeps its identity and name");
        }
        if (before.deleted()) {
            broken("I28", before, after, "a deleted volume never changes again");
        }
        if (after.inSync().size() < after.minInSync()) {
            broken("I17", before, after, "the in-sync set never shrinks below minInSync");
        }
        if (after.changeId().equals(before.changeId())) {
            broken("I4", before, after, "each change has a changeId of its own");
        }
        if (after.sizeBytes() < before.sizeBytes()) {
            broken("I29", before, after, "a volume never shrinks");
        }
        List<DiskId> all = replicas(after);
        if (all.stream().distinct().count() != all.size()) {
            broken("I9", before, after, "a replica is in one set only");
        }
        for (DiskId promoted : after.inSync()) {
            boolean wasInSync = before.inSync().contains(promoted);
            boolean wasSyncing =
                    before.syncing().stream().anyMatch(stale -> stale.replica().equals(promoted));
            if (!wasInSync && !wasSyncing) {
                broken("I15", before, after, "only a syncing replica is promoted");
            }
        }
        for (Configuration.Stale stale : after.syncing()) {
            for (Configuration.Stale was : before.syncing()) {
                if (was.replica().equals(stale.replica()) && stale.sinceSeq() > was.sinceSeq()) {
                    broken("I11", before, after, "sinceSeq of a syncing replica stays until its promotion");
                }
            }
        }
        if (Objects.equals(before.owner(), after.owner()) || after.owner() == null || before.owner() == null) {
            return;
        }
        if (before.owner().incarnation().equals(after.owner().incarnation())) {
            broken("I4", before, after, "every start of ownership has an incarnation of its own");
        }
    }

    static List<DiskId> replicas(Configuration configuration) {
        List<DiskId> all = new ArrayList<>(configuration.inSync());
        configuration.syncing().forEach(stale -> all.add(stale.replica()));
        configuration.outOfSync().forEach(stale -> all.add(stale.replica()));
        all.sort(Comparator.naturalOrder());
        return all;
    }

    private static void broken(String invariant, Configuration before, Configuration after, String rule) {
        throw new Violation(
                invariant, rule + "; " + SimConfigStore.describe(before) + "; then " + SimConfigStore.describe(after));
    }
}
