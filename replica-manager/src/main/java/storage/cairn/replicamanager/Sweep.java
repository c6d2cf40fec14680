package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
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
    private final Follow follow;
    private final List<String> followed = new ArrayList<>();

    Sweep(Cluster cluster, Rules rules) {
        this(cluster, rules, Map.of());
    }

    /**
     * @param stays by volume: where it is used, and since when
     */
    Sweep(Cluster cluster, Rules rules, Map<String, Stays.Stay> stays) {
        this.cluster = cluster;
        this.rules = rules;
        this.health = new Health(cluster, rules);
        this.placement = new Placement(cluster, health);
        this.promised = new Placement(cluster, health);
        this.plans = new VolumePlan(cluster, rules, health, placement);
        this.follow = new Follow(cluster, placement, stays);
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
        followed.addAll(move(all, follow::closer));
        move(all, this::better);
        return all;
    }

    /** Volumes of which a replica is moved to where they are used. */
    List<String> followed() {
        return List.copyOf(followed);
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

    /** Moves a few replicas of volumes that are well to where it would be better; names those volumes. */
    private List<String> move(Map<String, Plan> all, Function<VolumeState, List<String>> where) {
        int free = rules.moves() - moving() - wanted(all);
        List<String> moved = new ArrayList<>();
        for (VolumeState volume : cluster.volumes().values()) {
            if (moved.size() >= free) {
                return moved;
            }
            Plan plan = all.get(volume.name());
            if (plan != null && plan.actions().isEmpty() && plan.trouble().isEmpty() && isWell(volume)) {
                List<String> better = where.apply(volume);
                if (!better.isEmpty()) {
                    all.put(volume.name(), Plan.of(new Action.Want(better)));
                    moved.add(volume.name());
                }
            }
        }
        return moved;
    }

    /** Moves that were decided in this sweep. */
    private static int wanted(Map<String, Plan> all) {
        return (int) all.values().stream()
                .filter(plan -> plan.actions().stream().anyMatch(Action.Want.class::isInstance))
                .count();
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

    /** Where the volume would be better by less of its fullest disk; empty when it is not worth a copy. */
    private List<String> better(VolumeState volume) {
        VolumeMembershipSpec membership = volume.membership();
        if (membership == null) {
            return List.of();
        }
        List<DiskState> present = new ArrayList<>();
        for (String disk : membership.inSync()) {
            DiskState state = cluster.disks().get(disk);
            if (state == null) {
                return List.of();
            }
            // What is read where it is used stays there.
            if (!state.node().equals(follow.user(volume))) {
                present.add(state);
            }
        }
        DiskState fullest = present.stream()
                .max(Comparator.comparingLong(placement::share).thenComparing(DiskState::id))
                .orElse(null);
        if (fullest == null) {
            return List.of();
        }
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
