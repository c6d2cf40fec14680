package storage.cairn.replicamanager;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import storage.cairn.api.resource.VolumeMembershipSpec;
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
    private final Moves moves;
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
        Fullness fullness = new Fullness(cluster);
        this.placement = new Placement(cluster, health, fullness);
        this.promised = new Placement(cluster, health, fullness);
        this.plans = new VolumePlan(cluster, rules, health, placement);
        this.follow = new Follow(cluster, placement, stays);
        this.moves = new Moves(cluster, rules, fullness, placement, follow);
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
        List<VolumeState> byName = List.copyOf(cluster.volumes().values());
        List<VolumeState> bySize = new ArrayList<>(byName);
        bySize.sort(Comparator.comparingLong(VolumePlan::sizeBytes).reversed());
        move(all, bySize, moves::offFull);
        followed.addAll(move(all, byName, follow::closer));
        move(all, byName, moves::better);
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
    private List<String> move(
            Map<String, Plan> all, List<VolumeState> volumes, Function<VolumeState, List<String>> where) {
        int free = rules.moves() - moving() - wanted(all);
        List<String> moved = new ArrayList<>();
        for (VolumeState volume : volumes) {
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
}
