package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.replication.NodeView.ActivityView;
import storage.cairn.engine.replication.NodeView.DiskView;
import storage.cairn.engine.replication.NodeView.PeerView;
import storage.cairn.engine.replication.NodeView.Phase;
import storage.cairn.engine.replication.NodeView.ReplicaState;
import storage.cairn.engine.replication.NodeView.ReplicaView;
import storage.cairn.engine.replication.NodeView.VolumeView;

/** Puts into words and figures what the node knows now. */
final class Views {
    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Peers peers;
    private final Owners owners;
    private final Catalog catalog;

    Views(NodeContext context, ReplicaServer replicas, Peers peers, Owners owners, Catalog catalog) {
        this.context = context;
        this.replicas = replicas;
        this.peers = peers;
        this.owners = owners;
        this.catalog = catalog;
    }

    NodeView node() {
        List<DiskView> disks = new ArrayList<>();
        for (Peers.Placed placed : peers.disks()) {
            Grant.Disk disk = placed.disk();
            ServedDisk local = replicas.disk(new DiskId(disk.disk()));
            disks.add(new DiskView(
                    new DiskId(disk.disk()),
                    placed.node(),
                    disk.capacitySlots() * BlockDevice.BLOCK_BYTES,
                    disk.freeSlots() * BlockDevice.BLOCK_BYTES,
                    disk.failure().isEmpty() ? null : disk.failure(),
                    disk.replicas(),
                    local == null ? 0 : local.checksumErrors()));
        }
        List<PeerView> others = new ArrayList<>();
        for (PeerConversation each : peers.conversations()) {
            others.add(new PeerView(each.node(), each.connected(), each.refused(), each.reason()));
        }
        List<VolumeView> volumes = new ArrayList<>();
        for (Configuration each : catalog.volumes()) {
            volumes.add(volume(each));
        }
        return new NodeView(context.identity.node(), disks, others, volumes);
    }

    VolumeView volume(Configuration known) {
        VolumeOwner owner = owners.of(known.volume());
        Configuration current =
                owner == null || known.newerThan(owner.membership().current())
                        ? known
                        : owner.membership().current();
        List<ReplicaView> list = new ArrayList<>();
        for (DiskId disk : current.inSync()) {
            list.add(new ReplicaView(disk, peers.lastNodeOf(disk), ReplicaState.IN_SYNC, null));
        }
        for (Stale stale : current.syncing()) {
            DiskId disk = stale.replica();
            list.add(new ReplicaView(
                    disk,
                    peers.lastNodeOf(disk),
                    ReplicaState.SYNCING,
                    owner == null ? null : owner.rebuilds().view(disk)));
        }
        for (Stale stale : current.outOfSync()) {
            list.add(new ReplicaView(
                    stale.replica(), peers.lastNodeOf(stale.replica()), ReplicaState.OUT_OF_SYNC, null));
        }
        ActivityView activity = owner == null ? null : activity(owner);
        Phase phase = phase(current, activity);
        String reason = reason(current, phase, owner, activity);
        String unreadable = owner == null ? "" : owner.reads().unreadable().inWords();
        if (!unreadable.isEmpty() && phase != Phase.DELETING) {
            phase = phase == Phase.READY ? Phase.DEGRADED : phase;
            reason = reason.isEmpty() ? unreadable : reason + "; " + unreadable;
        }
        return new VolumeView(current, phase, reason, list, activity);
    }

    private Phase phase(Configuration current, @Nullable ActivityView activity) {
        if (current.deleted()) {
            return Phase.DELETING;
        }
        if (activity != null
                && !activity.activity().isEmpty()
                && !activity.activity().equals("ChangingMembership")) {
            return Phase.UNAVAILABLE;
        }
        long present = current.inSync().stream()
                .filter(disk -> peers.nodeOf(disk) != 0)
                .count();
        if (present < current.minInSync()) {
            return Phase.UNAVAILABLE;
        }
        boolean whole = current.syncing().isEmpty()
                && current.outOfSync().isEmpty()
                && present == current.inSync().size();
        return whole ? Phase.READY : Phase.DEGRADED;
    }

    private String reason(
            Configuration current, Phase phase, @Nullable VolumeOwner owner, @Nullable ActivityView activity) {
        if (phase == Phase.READY || phase == Phase.DELETING) {
            return "";
        }
        if (owner != null && owner.state() == VolumeOwner.State.TAKING_OVER) {
            return owner.takeover().reason();
        }
        if (activity != null && !activity.activity().isEmpty()) {
            return activity.activity();
        }
        int replicas = current.inSync().size()
                + current.syncing().size()
                + current.outOfSync().size();
        List<String> missing = current.inSync().stream()
                .filter(disk -> peers.nodeOf(disk) == 0)
                .map(disk -> "disk " + disk + (peers.lastNodeOf(disk) == 0 ? "" : " of node " + peers.lastNodeOf(disk)))
                .toList();
        return current.inSync().size() + " of " + replicas + " replicas are in sync"
                + (missing.isEmpty() ? "" : ", not there now: " + String.join(", ", missing));
    }

    private ActivityView activity(VolumeOwner owner) {
        HostCounters counters = owner.counters();
        String doing = "";
        long waitMillis = 0;
        switch (owner.state()) {
            case CLAIMING -> doing = "TakingOver";
            case TAKING_OVER -> {
                waitMillis = NodeContext.millis(owner.takeover().waitLeftNanos());
                doing = waitMillis > 0 ? "WaitingForLeases" : "TakingOver";
                if (owner.takeover().lacking()) {
                    doing = "WaitingForReplicas";
                }
            }
            case HANDING_OVER -> doing = "HandingOver";
            case SERVING -> {
                Configuration current = owner.membership().current();
                long connected = current.inSync().stream()
                        .map(owner.members()::of)
                        .filter(member -> member != null && member.ready())
                        .count();
                if (connected < current.minInSync()) {
                    doing = "WaitingForReplicas";
                } else if (owner.membership().busy()) {
                    doing = "ChangingMembership";
                }
            }
            case STOPPED -> doing = "Stopped";
        }
        return new ActivityView(
                counters.reads,
                counters.readBytes,
                counters.remoteReadBytes,
                counters.writes,
                counters.writeBytes,
                owner.queue().admitted(),
                owner.queue().waiting() + owner.reads().parked(),
                doing,
                waitMillis,
                owner.rebuilds().lastCopiedBytes(),
                owner.clients().count(),
                owner.writes().commitSeq());
    }
}
