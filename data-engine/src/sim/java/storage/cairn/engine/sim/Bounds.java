package storage.cairn.engine.sim;

import storage.cairn.engine.replication.NodeSettings;
import storage.cairn.engine.replication.NodeView;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/**
 * Holds what may grow against its bounds, while faults strike: what streams queue, what hosts wait for, the entries that
 * replicas keep above commitSeq, and the timers of everybody.
 */
final class Bounds {
    /** A node's memory for what its hosts send, the copies of a rebuild, and what has no payload. */
    private static final long MOST_QUEUED_BYTES = 80L << 20;

    /** Some forty times what the busiest worlds come to. */
    private static final int MOST_WAITING = 50_000;
    /** Looks are dear. */
    private static final int TICKS = 10;

    private final World world;
    private int ticks;

    Bounds(World world) {
        this.world = world;
    }

    /** Called with each tick of the world. */
    void check() {
        if (world.network.mostQueuedBytes() > MOST_QUEUED_BYTES) {
            throw new Violation("bounded", "a stream queues " + world.network.mostQueuedBytes() + " bytes");
        }
        if (world.clock.waiting() > MOST_WAITING) {
            throw new Violation("bounded", world.clock.waiting() + " timers and messages wait");
        }
        if (ticks++ % TICKS == 0) {
            world.nodes.stream().filter(SimNode::up).forEach(this::check);
        }
    }

    private void check(SimNode node) {
        NodeSettings.Limits limits = world.settings.limits();
        for (NodeView.VolumeView view : node.engine().view().volumes()) {
            NodeView.ActivityView activity = view.activity();
            if (activity != null && activity.parked() > limits.volumeOperations() + limits.queuedOperations()) {
                throw new Violation("bounded", activity.parked() + " requests are parked")
                        .about(view.configuration().name(), -1);
            }
        }
        for (StoreUnderTest disk : node.disks()) {
            ReplicaStore store = node.store(disk.id());
            if (store == null) {
                continue;
            }
            for (Replica replica : store.replicas()) {
                int entries = replica.tail().size();
                if (entries > limits.tail()) {
                    throw new Violation(
                                    "bounded", "disk " + disk.id() + " keeps " + entries + " entries above commitSeq")
                            .about(replica.configuration().name(), -1);
                }
            }
        }
    }
}
