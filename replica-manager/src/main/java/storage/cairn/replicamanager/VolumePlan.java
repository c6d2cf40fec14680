package storage.cairn.replicamanager;

import io.fabric8.kubernetes.api.model.Quantity;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/** Decides what is to be done for one volume, from what is known at one moment. */
final class VolumePlan {
    static final String FINALIZER = "cairn.storage/data";

    private final Cluster cluster;
    private final Rules rules;
    private final Health health;
    private final Placement placement;

    VolumePlan(Cluster cluster, Rules rules, Health health, Placement placement) {
        this.cluster = cluster;
        this.rules = rules;
        this.health = health;
        this.placement = placement;
    }

    /**
     * What is to be done, in this order.
     *
     * @param code why something that is to be done cannot be, in one word
     * @param trouble the same in words, empty when nothing is
     */
    record Plan(List<Action> actions, String code, String trouble) {
        static Plan of(Action... actions) {
            return new Plan(List.of(actions), "", "");
        }

        static Plan stuck(String code, String trouble) {
            return new Plan(List.of(), code, trouble);
        }

        private Plan and(Plan other) {
            List<Action> both = new ArrayList<>(actions);
            both.addAll(other.actions);
            return new Plan(both, code.isEmpty() ? other.code : code, trouble.isEmpty() ? other.trouble : trouble);
        }
    }

    static long sizeBytes(VolumeState volume) {
        VolumeMembershipSpec membership = volume.membership();
        return membership != null ? Math.max(membership.sizeBytes(), volume.wantedBytes()) : askedBytes(volume);
    }

    /** The size that its user wants. */
    static long askedBytes(VolumeState volume) {
        return Quantity.getAmountInBytes(volume.spec().size()).longValueExact();
    }

    /** Disks that hold a replica, or are to hold one. */
    static List<String> replicas(VolumeState volume) {
        List<String> disks = new ArrayList<>();
        VolumeMembershipSpec membership = volume.membership();
        if (membership != null && !membership.deleted()) {
            disks.addAll(members(membership));
            volume.wanted().stream().filter(disk -> !disks.contains(disk)).forEach(disks::add);
        }
        return disks;
    }

    static List<String> members(VolumeMembershipSpec membership) {
        List<String> disks = new ArrayList<>(membership.inSync());
        membership.syncing().forEach(stale -> disks.add(stale.disk()));
        membership.outOfSync().forEach(stale -> disks.add(stale.disk()));
        return disks;
    }

    Plan plan(VolumeState volume) {
        VolumeMembershipSpec membership = volume.membership();
        if (membership != null && membership.deleted()) {
            return volume.hasFinalizer() || !volume.leaving() ? Plan.of(new Action.LetGo()) : Plan.of();
        }
        VolumeMembershipSpec newest = membership == null ? null : RolledBack.newest(membership, volume.held());
        if (membership != null && newest != null) {
            return recover(volume, membership, newest);
        }
        if (volume.spec().deleteRequest() != null) {
            return delete(volume, membership);
        }
        if (volume.leaving()) {
            // Its data stays: a deleted definition or a pruned manifest asks for nothing.
            return Plan.of();
        }
        if (!volume.hasFinalizer()) {
            return Plan.of(new Action.Hold());
        }
        if (volume.deleteAfter() != null) {
            return Plan.of(new Action.DeleteAfter(null));
        }
        if (membership == null) {
            return create(volume);
        }
        if (Forced.isAsked(volume.recover())) {
            return force(volume, membership);
        }
        int least = minInSync(volume);
        if (membership.minInSync() < least
                && membership.owner() == null
                && membership.inSync().size() >= least) {
            return Plan.of(new Action.Protect(membership, Forced.protect(membership, least)));
        }
        return place(volume, membership).and(grow(volume, membership));
    }

    private Plan force(VolumeState volume, VolumeMembershipSpec membership) {
        return switch (Forced.force(membership, volume.recover(), server(membership), health)) {
            case Forced.Outcome.Refused refused ->
                Plan.stuck("NotForced", "it was not forced online: " + refused.reason());
            case Forced.Outcome.Online online -> Plan.of(new Action.Recover(membership, online.next()));
        };
    }

    private Plan grow(VolumeState volume, VolumeMembershipSpec membership) {
        long asked = askedBytes(volume);
        if (asked <= membership.sizeBytes() || asked <= volume.wantedBytes()) {
            return Plan.of();
        }
        String refusal = placement.grow(volume, asked - Math.max(membership.sizeBytes(), volume.wantedBytes()));
        return refusal.isEmpty()
                ? Plan.of(new Action.Grow(asked))
                : Plan.stuck(Placement.NO_SPACE, "it has not grown to " + asked + " bytes: " + refusal);
    }

    /** Nothing else is done to a volume of which the store forgot a part: no change of members, no deletion. */
    private Plan recover(VolumeState volume, VolumeMembershipSpec membership, VolumeMembershipSpec newest) {
        if (volume.recover().isEmpty() || Forced.isAsked(volume.recover())) {
            return Plan.of();
        }
        boolean acceptLoss = volume.recover().equals(Api.RECOVER_ACCEPT_LOSS);
        return switch (RolledBack.recover(membership, newest, health, acceptLoss)) {
            case RolledBack.Outcome.Refused refused ->
                Plan.stuck("RecoveryRefused", "recovery refused: " + refused.reason());
            case RolledBack.Outcome.Recovered recovered -> Plan.of(new Action.Recover(membership, recovered.next()));
        };
    }

    private Plan delete(VolumeState volume, @Nullable VolumeMembershipSpec membership) {
        Instant after = volume.deleteAfter();
        if (membership == null) {
            return Plan.of(new Action.LetGo());
        }
        if (after == null) {
            Integer own = volume.spec().restoreWindowSeconds();
            Duration window = own == null ? rules.restoreWindow() : Duration.ofSeconds(own);
            return Plan.of(new Action.DeleteAfter(cluster.now().plus(window)));
        }
        if (after.isAfter(cluster.now())) {
            return Plan.of();
        }
        // Without an export nobody uses it: its owner only brings its replicas up to date.
        String server = membership.attachId() == null ? "" : server(membership);
        if (!server.isEmpty()) {
            return Plan.stuck("InUse", "it is served on " + server + ": end its use there, and it is erased");
        }
        return Plan.of(new Action.Bury(membership));
    }

    /** Where the volume is served, empty when it is nowhere. */
    private String server(VolumeMembershipSpec membership) {
        VolumeMembershipSpec.Owner owner = membership.owner();
        NodeState node = owner == null ? null : cluster.numbered(owner.node());
        return node == null || health.isSilent(node) ? "" : node.name();
    }

    private Plan create(VolumeState volume) {
        if (volume.spec().source() != null) {
            return Plan.stuck("NoSource", "volumes with a source cannot be made yet: leave spec.source out");
        }
        return switch (placement.choose(volume, List.of())) {
            case Placement.Choice.Impossible impossible -> Plan.stuck(impossible.code(), impossible.reason());
            case Placement.Choice.Disks chosen -> Plan.of(new Action.Record(first(volume, chosen.disks())));
        };
    }

    private VolumeMembershipSpec first(VolumeState volume, List<String> disks) {
        return new VolumeMembershipSpec(
                volume.name(),
                1,
                1,
                UUID.randomUUID().toString(),
                null,
                disks,
                List.of(),
                List.of(),
                minInSync(volume),
                sizeBytes(volume),
                null,
                false,
                false,
                false);
    }

    private int minInSync(VolumeState volume) {
        Integer own = volume.spec().minInSync();
        StoragePoolSpec pool = cluster.pools().get(volume.spec().pool());
        Integer usual = pool == null ? null : pool.minInSync();
        int replicas = volume.spec().replicas();
        return own != null ? own : usual != null && usual <= replicas ? usual : (replicas + 1) / 2;
    }

    /**
     * Where the volume is wanted: where it was wanted before, but for disks that were lost or are leaving, or that are
     * more than the volume asks for.
     */
    private Plan place(VolumeState volume, VolumeMembershipSpec membership) {
        List<String> before = volume.wanted().isEmpty() ? members(membership) : volume.wanted();
        List<String> stay = new ArrayList<>();
        for (String disk : before) {
            if (!health.isLost(disk) && !health.isLeaving(disk)) {
                stay.add(disk);
            }
        }
        // Of too many, those go first that hold the least.
        while (stay.size() > volume.spec().replicas()) {
            stay.remove(leastUseful(stay, membership));
        }
        if (stay.size() == volume.spec().replicas()) {
            boolean asWanted = stay.equals(before);
            boolean implied = volume.wanted().isEmpty()
                    && stay.size() == members(membership).size();
            return asWanted && (implied || !volume.wanted().isEmpty()) ? Plan.of() : Plan.of(new Action.Want(stay));
        }
        return switch (placement.choose(volume, stay)) {
            case Placement.Choice.Impossible impossible -> Plan.stuck(impossible.code(), impossible.reason());
            case Placement.Choice.Disks chosen -> {
                stay.addAll(chosen.disks());
                yield Plan.of(new Action.Want(stay));
            }
        };
    }

    private String leastUseful(List<String> disks, VolumeMembershipSpec membership) {
        for (String disk : disks.reversed()) {
            if (!membership.inSync().contains(disk)) {
                return disk;
            }
        }
        String most = disks.getLast();
        for (String disk : disks) {
            Cluster.DiskState state = cluster.disks().get(disk);
            Cluster.DiskState other = cluster.disks().get(most);
            if (state != null && other != null && placement.share(state) > placement.share(other)) {
                most = disk;
            }
        }
        return most;
    }
}
