package storage.cairn.replicamanager;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.api.resource.VolumeStatus.Phase;
import storage.cairn.api.resource.VolumeStatus.Replica;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;
import storage.cairn.replicamanager.VolumePlan.Plan;

/** Says how a volume is, and why it is not better, in words. */
final class Projection {
    private final Cluster cluster;
    private final Health health;
    private final Fullness fullness;

    Projection(Cluster cluster, Health health) {
        this.cluster = cluster;
        this.health = health;
        this.fullness = new Fullness(cluster);
    }

    /**
     * @param plan what is done for it, and why it cannot be
     * @param before its conditions as they are now
     */
    VolumeStatus status(VolumeState volume, Plan plan, List<Condition> before) {
        String trouble = plan.trouble();
        VolumeMembershipSpec membership = volume.membership();
        boolean refused = volume.leaving() && volume.spec().deleteRequest() == null;
        Said said = membership == null ? creating(volume, trouble) : said(volume, membership, trouble);
        String refusal = refused
                ? "the resource was deleted, the data was not: run 'cairn volume delete " + volume.name()
                        + "' to erase it, or keep it by recreating the resource with the same id once this one is gone"
                : "";
        List<Condition> conditions = new ArrayList<>();
        conditions.add(placed(before, membership, plan));
        boolean available = said.phase() == Phase.READY || said.phase() == Phase.DEGRADED;
        conditions.add(condition(before, "Available", available, available ? "Served" : said.code(), said.reason()));
        boolean healthy = said.phase() == Phase.READY;
        conditions.add(condition(before, "Healthy", healthy, healthy ? "AllInSync" : said.code(), said.reason()));
        if (membership != null) {
            conditions.add(grown(before, volume, membership, plan));
        }
        String full =
                membership == null || membership.deleted() || volume.spec().deleteRequest() != null
                        ? ""
                        : full(volume, membership, plan);
        conditions.add(
                condition(before, "HasRoom", full.isEmpty(), full.isEmpty() ? "DisksHaveRoom" : "DiskFull", full));
        if (refused) {
            conditions.add(condition(before, "DeletionRefused", true, "NoDeleteRequest", refusal));
        }
        return new VolumeStatus(
                said.phase(),
                refused ? refusal : and(said.reason(), full),
                owner(membership),
                replicas(membership),
                membership == null ? null : membership.sizeBytes(),
                null,
                volume.deleteAfter() == null ? null : volume.deleteAfter().toString(),
                volume.generation(),
                conditions);
    }

    private Condition placed(List<Condition> before, @Nullable VolumeMembershipSpec membership, Plan plan) {
        if (membership != null) {
            return condition(before, "Placed", true, "Placed", "");
        }
        String code = plan.code().isEmpty() ? "Placing" : plan.code();
        return condition(before, "Placed", false, code, plan.trouble());
    }

    private Condition grown(List<Condition> before, VolumeState volume, VolumeMembershipSpec membership, Plan plan) {
        boolean done = VolumePlan.askedBytes(volume) <= membership.sizeBytes();
        String code = plan.code().isEmpty() ? "Growing" : plan.code();
        String words = plan.trouble().isEmpty() ? "the engine that serves it makes it larger" : plan.trouble();
        return condition(before, "Grown", done, done ? "AsAsked" : code, done ? "" : words);
    }

    /** Which of its disks are full, and what happens about it or is to be done; empty when none is. */
    private String full(VolumeState volume, VolumeMembershipSpec membership, Plan plan) {
        List<String> wanted = plan.actions().stream()
                .filter(Action.Want.class::isInstance)
                .findFirst()
                .map(want -> ((Action.Want) want).disks())
                .orElse(volume.wanted());
        List<String> full = new ArrayList<>();
        boolean moving = false;
        for (String disk : VolumePlan.members(membership)) {
            DiskState state = cluster.disks().get(disk);
            if (state != null && fullness.isFull(state)) {
                full.add(health.place(disk));
                moving |= !wanted.isEmpty() && !wanted.contains(disk);
            }
        }
        if (full.isEmpty()) {
            return "";
        }
        return String.join(", ", full) + (full.size() == 1 ? " is" : " are")
                + " full: writes may be refused for lack of space. "
                + (moving
                        ? "A replica is being moved to another disk"
                        : "Add disks to pool '" + volume.spec().pool()
                                + "', to which replicas then move by themselves, or delete volumes");
    }

    /** Whether a disk has room for new replicas, and what is to be done if it is short. */
    Condition hasRoom(List<Condition> before, DiskState disk) {
        boolean full = fullness.isFull(disk);
        boolean nearFull = fullness.isNearFull(disk);
        String pool = "pool '" + disk.pool() + "'";
        return condition(
                before,
                "HasRoom",
                !full && !nearFull,
                full ? "Full" : nearFull ? "NearFull" : "EnoughSpace",
                full
                        ? "it is full: it gets no new replicas, and writes to those that it has may be refused. Add disks"
                                + " to " + pool + ", to which they then move by themselves, or delete volumes"
                        : nearFull ? "it is nearly full: add disks to " + pool + ", or delete volumes" : "");
    }

    private static String and(String one, String other) {
        return one.isEmpty() || other.isEmpty() ? one + other : one + ". " + other;
    }

    /**
     * @param code why it is not better, in one word
     */
    private record Said(Phase phase, String code, String reason) {}

    private static Said creating(VolumeState volume, String trouble) {
        if (volume.spec().deleteRequest() != null) {
            return new Said(Phase.DELETING, "Deleting", "");
        }
        return new Said(Phase.CREATING, "Creating", trouble.isEmpty() ? "its replicas are being placed" : trouble);
    }

    private Said said(VolumeState volume, VolumeMembershipSpec membership, String trouble) {
        if (volume.spec().deleteRequest() != null || membership.deleted()) {
            String until = volume.deleteAfter() == null
                    ? ""
                    : "its data is erased after " + volume.deleteAfter() + "; until then 'cairn volume undelete "
                            + volume.name() + "' keeps it";
            return new Said(Phase.DELETING, "Deleting", trouble.isEmpty() ? until : trouble);
        }
        VolumeMembershipSpec newest = RolledBack.newest(membership, volume.held());
        if (newest != null) {
            return new Said(Phase.UNAVAILABLE, "StoreRolledBack", rolledBack(volume, membership, newest) + trouble);
        }
        List<String> reasons = new ArrayList<>();
        int reachable = 0;
        for (String disk : membership.inSync()) {
            String why = health.why(disk);
            if (health.awaySince(disk) == null) {
                reachable++;
            } else {
                reasons.add(health.place(disk) + " cannot be reached: " + why);
            }
        }
        membership.syncing().forEach(stale -> reasons.add(health.place(stale.disk()) + " is being rebuilt"));
        membership.outOfSync().forEach(stale -> reasons.add(outOfSync(stale.disk(), membership)));
        int wanted = volume.spec().replicas();
        int all = VolumePlan.members(membership).size();
        if (all < wanted) {
            reasons.add("it has " + all + " of " + wanted + " replicas");
        }
        for (String disk : VolumePlan.members(membership)) {
            if (health.isLeaving(disk)) {
                reasons.add(health.place(disk) + " is being evacuated");
            }
        }
        if (!trouble.isEmpty()) {
            reasons.add(trouble);
        }
        String words = String.join(". ", reasons);
        if (reachable < membership.minInSync()) {
            return new Said(
                    Phase.UNAVAILABLE,
                    "TooFewInSync",
                    reachable + " replicas in sync can be reached, " + membership.minInSync()
                            + " are needed: its writes wait. Bring one back, or run 'cairn volume force-online "
                            + volume.name() + "', which tells what is lost. " + words);
        }
        boolean complete = reachable >= wanted && membership.inSync().size() == all;
        return complete
                ? new Said(Phase.READY, "", words)
                : new Said(
                        Phase.DEGRADED,
                        degraded(membership),
                        reachable + " of " + wanted + " replicas are in sync. " + words);
    }

    private String degraded(VolumeMembershipSpec membership) {
        boolean away = VolumePlan.members(membership).stream().anyMatch(disk -> health.awaySince(disk) != null);
        boolean behind =
                !membership.syncing().isEmpty() || !membership.outOfSync().isEmpty();
        return away ? "ReplicaAway" : behind ? "Rebuilding" : "TooFewReplicas";
    }

    private String rolledBack(VolumeState volume, VolumeMembershipSpec stored, VolumeMembershipSpec newest) {
        List<String> ahead = volume.held().keySet().stream().map(health::place).toList();
        return "StoreRolledBack: the API server's data was restored from a backup. It has epoch " + stored.epoch()
                + " of term " + stored.storeTerm() + ", epoch " + newest.epoch() + " of term " + newest.storeTerm()
                + " is on " + String.join(", ", ahead) + ". Nothing is changed or deleted. Restore its newest state, or"
                + " run 'cairn recover " + volume.name() + " --from-disks'. ";
    }

    private String outOfSync(String disk, VolumeMembershipSpec membership) {
        String away = health.why(disk);
        if (!away.isEmpty()) {
            return health.place(disk) + " is out of sync: " + away;
        }
        return health.place(disk) + " is out of sync and "
                + (membership.owner() == null && membership.attachId() != null
                        ? "is brought back when the volume is served"
                        : "is about to be brought back");
    }

    private @Nullable String owner(@Nullable VolumeMembershipSpec membership) {
        VolumeMembershipSpec.Owner owner = membership == null ? null : membership.owner();
        if (owner == null) {
            return null;
        }
        NodeState node = cluster.numbered(owner.node());
        return node == null ? "node " + owner.node() : node.name();
    }

    private List<Replica> replicas(@Nullable VolumeMembershipSpec membership) {
        List<Replica> replicas = new ArrayList<>();
        if (membership != null) {
            membership.inSync().forEach(disk -> replicas.add(replica(disk, VolumeStatus.State.IN_SYNC)));
            membership.syncing().forEach(stale -> replicas.add(replica(stale.disk(), VolumeStatus.State.SYNCING)));
            membership
                    .outOfSync()
                    .forEach(stale -> replicas.add(replica(stale.disk(), VolumeStatus.State.OUT_OF_SYNC)));
        }
        return replicas;
    }

    private Replica replica(String disk, VolumeStatus.State state) {
        DiskState known = cluster.disks().get(disk);
        return new Replica(disk, known == null || known.node().isEmpty() ? null : known.node(), state);
    }

    /** The condition, with the moment of its last turn. */
    Condition condition(List<Condition> before, String type, boolean so, String reason, String message) {
        String status = so ? "True" : "False";
        String since = cluster.now().toString();
        for (Condition each : before) {
            if (type.equals(each.getType()) && status.equals(each.getStatus())) {
                since = each.getLastTransitionTime();
            }
        }
        return new ConditionBuilder()
                .withType(type)
                .withStatus(status)
                .withReason(reason)
                .withMessage(message)
                .withLastTransitionTime(since)
                .build();
    }
}
