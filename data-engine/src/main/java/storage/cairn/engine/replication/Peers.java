package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.protocol.Hello;

/** The other nodes: a lease conversation with each, and which disks each has now. */
final class Peers implements PeerConversation.Heard, Locations {
    private static final long FAREWELL_MILLIS = 500;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Leases leases;
    private final Renewed renewed;
    private final TreeMap<Integer, PeerConversation> conversations = new TreeMap<>();
    private final TreeMap<DiskId, Placed> placed = new TreeMap<>();
    /** Node that announced a disk last, also after that node was lost. */
    private final TreeMap<DiskId, Integer> lastNodes = new TreeMap<>();

    private long ownSequence;

    /** A disk where it was announced last. */
    record Placed(int node, Grant.Disk disk) {}

    /** Who hears of new grants. */
    interface Renewed {
        void excepted(VolumeId volume, DiskId disk, long upToEpoch);

        void renewed();

        /** Disks have come, gone or failed somewhere. */
        void disksChanged();
    }

    Peers(NodeContext context, ReplicaServer replicas, Renewed renewed) {
        this.context = context;
        this.replicas = replicas;
        this.renewed = renewed;
        this.leases = new Leases(context.settings.leases().ttlMillis());
        for (int node : context.nodes) {
            if (node != context.identity.node()) {
                conversations.put(node, new PeerConversation(context, node, this));
            }
        }
    }

    /** A node joined the cluster. */
    void join(int node) {
        if (node != context.identity.node() && context.nodes.add(node)) {
            PeerConversation conversation = new PeerConversation(context, node, this);
            conversations.put(node, conversation);
            conversation.connect();
        }
    }

    void connect() {
        conversations.values().forEach(PeerConversation::connect);
    }

    /** Gives every grant of every peer back: this node owns nothing any more. Goes on after a bounded time. */
    void farewell(Runnable then) {
        int[] open = {conversations.size()};
        if (open[0] == 0) {
            context.clock.execute(then);
        }
        for (PeerConversation conversation : conversations.values()) {
            conversation.ask(FrameType.RELEASE, FAREWELL_MILLIS, out -> out.id(context.session), (status, text) -> {
                if (--open[0] == 0) {
                    then.run();
                }
            });
        }
    }

    void close() {
        conversations.values().forEach(PeerConversation::close);
    }

    /** Renews every lease: with each peer, and with the disks of this very node. */
    void renew() {
        long now = context.now();
        GrantSession own = replicas.session(context.identity.node(), context.session);
        Grant grant = replicas.renew(own, ownSequence);
        ownSequence = grant.sequence();
        take(now, grant);
        for (PeerConversation conversation : conversations.values()) {
            conversation.renew();
        }
    }

    private void take(long sentNanos, Grant grant) {
        for (Grant.Exception exception : grant.exceptions()) {
            renewed.excepted(new VolumeId(exception.volume()), new DiskId(exception.disk()), exception.epoch());
        }
        leases.granted(sentNanos, context.now(), grant);
        renewed.renewed();
    }

    @Override
    public void granted(int node, long sentNanos, Grant grant) {
        take(sentNanos, grant);
        boolean changed = placed.values().removeIf(each -> each.node == node && !announces(grant, each.disk));
        for (Grant.Disk disk : grant.disks()) {
            lastNodes.put(new DiskId(disk.disk()), node);
            Placed before = placed.put(new DiskId(disk.disk()), new Placed(node, disk));
            changed |= before == null
                    || before.node != node
                    || before.disk.grantId() != disk.grantId()
                    || !before.disk.failure().equals(disk.failure());
        }
        if (changed) {
            renewed.disksChanged();
        }
    }

    private static boolean announces(Grant grant, Grant.Disk disk) {
        for (Grant.Disk each : grant.disks()) {
            if (each.disk().equals(disk.disk())) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void lost(int node) {
        if (placed.values().removeIf(each -> each.node == node)) {
            renewed.disksChanged();
        }
    }

    @Nullable
    PeerConversation conversation(int node) {
        return conversations.get(node);
    }

    Collection<PeerConversation> conversations() {
        return conversations.values();
    }

    /** Every disk that is announced now, on this node and elsewhere. */
    List<Placed> disks() {
        List<Placed> all = new ArrayList<>();
        for (Grant.Disk disk : replicas.announcement()) {
            all.add(new Placed(context.identity.node(), disk));
        }
        all.addAll(placed.values());
        return all;
    }

    @Override
    public @Nullable ReplicaLink linkTo(DiskId disk, Hello hello, ReplicaLink.Events events) {
        ServedDisk local = replicas.disk(disk);
        if (local != null) {
            ReplicaSlot slot = local.slots().get(new VolumeId(hello.volume()));
            return slot == null || local.failure() != null ? null : new LocalLink(context, slot, hello, events);
        }
        Placed where = placed.get(disk);
        if (where != null && !where.disk.failure().isEmpty()) {
            return null;
        }
        // Of a node that was lost it is worth knowing whether it refuses connections: then its process is gone.
        int node = lastNodeOf(disk);
        return node == 0 ? null : new RemoteLink(context, node, hello, events);
    }

    @Override
    public boolean lacks(DiskId disk, VolumeId volume) {
        return replicas.serves(disk) && replicas.slot(disk, volume) == null;
    }

    @Override
    public String whyAbsent(DiskId disk) {
        ServedDisk local = replicas.disk(disk);
        Placed where = placed.get(disk);
        if (local == null && where != null) {
            return "disk " + disk + " at node " + where.node + " failed: " + where.disk.failure();
        }
        if (local == null) {
            return "no node announces disk " + disk;
        }
        String failure = local.failure();
        return failure == null ? "disk " + disk + " has no replica of it" : "disk " + disk + " failed: " + failure;
    }

    @Override
    public int nodeOf(DiskId disk) {
        if (replicas.disk(disk) != null) {
            return context.identity.node();
        }
        Placed where = placed.get(disk);
        return where == null ? 0 : where.node;
    }

    /** Node where the disk is or was announced last, 0 when it never was. */
    int lastNodeOf(DiskId disk) {
        int node = nodeOf(disk);
        return node == 0 ? lastNodes.getOrDefault(disk, 0) : node;
    }

    @Override
    public boolean usable(DiskId disk) {
        ServedDisk local = replicas.disk(disk);
        if (local != null) {
            return local.failure() == null;
        }
        Placed where = placed.get(disk);
        return where != null && where.disk.failure().isEmpty();
    }

    @Override
    public Leases leases() {
        return leases;
    }
}
