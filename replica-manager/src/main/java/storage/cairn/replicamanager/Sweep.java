package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.VolumeState;
import storage.cairn.replicamanager.VolumePlan.Plan;

/** Decides for all volumes at once: so that what one of them gets, no other is promised too. */
final class Sweep {
    private final Cluster cluster;
    private final Rules rules;
    private final Health health;
    private final Placement placement;
    private final Placement promised;
    private final VolumePlan plans;

    Sweep(Cluster cluster, Rules rules) {
        this.cluster = cluster;
        this.rules = rules;
        this.health = new Health(cluster, rules);
        this.placement = new Placement(cluster, health);
        this.promised = new Placement(cluster, health);
        this.plans = new VolumePlan(cluster, rules, health, placement);
    }

    Health health() {
        return health;
    }

    /** Bytes of a disk that volumes were promised before this sweep. */
    long promised(String disk) {
        return promised.promised(disk);
    }

    /** What is to be done for each volume, by name. */
    Map<String, Plan> plan() {
        Map<String, Plan> all = new TreeMap<>();
        for (VolumeState volume : cluster.volumes().values()) {
            all.put(volume.name(), plans.plan(volume));
        }
        balance(all);
        return all;
    }

    /** Volumes on their way to other disks. */
    private int moving() {
        int moving = 0;
        for (VolumeState volume : cluster.volumes().values()) {
            VolumeMembershipSpec membership = volume.membership();
            if (membership != null
                    && !volume.wanted().isEmpty()
                    && !(membership.inSync().containsAll(volume.wanted())
                            && VolumePlan.members(membership).size()
                                    == volume.wanted().size())) {
                moving++;
            }
        }
        return moving;
    }

    /** Moves a few replicas of volumes that are well from the disks that promised most to those that promised least. */
    private void balance(Map<String, Plan> all) {
        int free = rules.moves() - moving();
        for (VolumeState volume : cluster.volumes().values()) {
            if (free <= 0) {
                return;
            }
            Plan plan = all.get(volume.name());
            if (plan != null && plan.actions().isEmpty() && plan.trouble().isEmpty() && isWell(volume)) {
                List<String> better = better(volume);
                if (!better.isEmpty()) {
                    all.put(volume.name(), Plan.of(new Action.Want(better)));
                    free--;
                }
            }
        }
    }

    private boolean isWell(VolumeState volume) {
        VolumeMembershipSpec membership = volume.membership();
        return membership != null
                && !membership.deleted()
                && volume.spec().deleteRequest() == null
                && !volume.leaving()
                && membership.inSync().size() == volume.spec().replicas()
                && membership.syncing().isEmpty()
                && membership.outOfSync().isEmpty()
                && membership.inSync().stream().allMatch(disk -> health.awaySince(disk) == null);
    }

    /** Where the volume would be better: one disk changed; empty when it is not worth a copy. */
    private List<String> better(VolumeState volume) {
        VolumeMembershipSpec membership = volume.membership();
        if (membership == null) {
            return List.of();
        }
        List<DiskState> present = new ArrayList<>();
        for (String disk : membership.inSync()) {
            DiskState state = cluster.disks().get(disk);
            if (state != null) {
                present.add(state);
            }
        }
        if (present.size() != membership.inSync().size()) {
            return List.of();
        }
        DiskState fullest = present.stream()
                .max(Comparator.comparingLong(placement::share).thenComparing(DiskState::id))
                .orElseThrow();
        List<String> stay = new ArrayList<>(membership.inSync());
        stay.remove(fullest.id());
        if (!mayGain(fullest, volume)) {
            return List.of();
        }
        long share = placement.share(fullest);
        if (placement.choose(volume, stay) instanceof Placement.Choice.Disks chosen
                && chosen.disks().size() == 1
                && !chosen.disks().getFirst().equals(fullest.id())) {
            DiskState other = cluster.disks().get(chosen.disks().getFirst());
            // Its share counts this volume already.
            if (other != null && share - placement.share(other) > rules.rebalanceGapPercent()) {
                stay.add(other.id());
                return stay;
            }
        }
        return List.of();
    }

    /** Whether some disk of the pool is so much emptier that a look is worth it. */
    private boolean mayGain(DiskState fullest, VolumeState volume) {
        long share = placement.share(fullest);
        for (DiskState disk : cluster.disks().values()) {
            if (disk.pool().equals(volume.spec().pool())
                    && share - placement.share(disk) > rules.rebalanceGapPercent()) {
                return true;
            }
        }
        return false;
    }
}
