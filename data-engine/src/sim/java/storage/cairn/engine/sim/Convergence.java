package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.NodeView;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/**
 * Watches a healed {@link World} come to rest, within bounded time: every request answered, every volume served with
 * all its replicas in sync and equal, and in the end nothing held: no memory, no lease.
 */
final class Convergence {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final long MOST_NANOS = 240 * SECOND_NANOS;

    private final World world;
    /** What could not be read in the last comparison. */
    private String unreadable = "";

    Convergence(World world) {
        this.world = world;
    }

    /** Whether all volumes are well by the configuration store's word, and served. */
    static boolean settled(World world) {
        for (SimVolume volume : world.volumes) {
            if (volume.isServed() && (problem(world, volume) != null || !ready(world, volume))) {
                return false;
            }
        }
        return true;
    }

    private static boolean ready(World world, SimVolume volume) {
        NodeView.VolumeView view = atOwner(world, volume);
        return view != null && view.phase() == NodeView.Phase.READY;
    }

    private static @Nullable String problem(World world, SimVolume volume) {
        Configuration now = Objects.requireNonNull(world.config.current(volume.id()));
        if (now.deleted()) {
            return null;
        }
        if (world.config.isRolledBack(volume.id())) {
            return volume.name + " is not recovered though the store forgot its newest configuration";
        }
        if (!now.inSync().isEmpty() && world.shape.tight() && world.crowded(volume)) {
            return null;
        }
        if (!now.syncing().isEmpty() || !now.outOfSync().isEmpty()) {
            return volume.name + " still has " + now.syncing().size() + " syncing and "
                    + now.outOfSync().size() + " out-of-sync replicas in epoch " + now.epoch();
        }
        if (!volume.wish().isEmpty() && !Set.copyOf(now.inSync()).equals(Set.copyOf(volume.wish()))) {
            return volume.name + " is in sync on " + now.inSync() + " and wanted on " + volume.wish();
        }
        if (world.owner(volume) == null) {
            return volume.name + " has no owner that is up";
        }
        NodeView.VolumeView view = atOwner(world, volume);
        return view == null ? volume.name + " is unknown to its owner" : problem(volume, view);
    }

    private static NodeView.@Nullable VolumeView atOwner(World world, SimVolume volume) {
        SimNode owner = world.owner(volume);
        if (owner != null) {
            for (NodeView.VolumeView view : owner.engine().view().volumes()) {
                if (view.configuration().name().equals(volume.name)) {
                    return view;
                }
            }
        }
        return null;
    }

    private static @Nullable String problem(SimVolume volume, NodeView.VolumeView view) {
        NodeView.ActivityView activity = view.activity();
        if (view.phase() != NodeView.Phase.READY || activity == null) {
            return volume.name + " is " + view.phase() + ": " + view.reason();
        }
        if (activity.parked() > 0 || !activity.activity().isEmpty()) {
            return volume.name + " has " + activity.parked() + " parked requests, " + activity.activity();
        }
        return null;
    }

    /** Nanoseconds from the end of the last pause until all was at rest. */
    long await() {
        // A pause that began before outlasts the healing, and so does an orderly end.
        while (world.nodes.stream()
                .anyMatch(node -> !node.serving() || !node.process().awake())) {
            run(SECOND_NANOS);
        }
        long before = world.clock.nanos();
        while (true) {
            SimVolume restless = restless();
            String leftover = leftover();
            if (restless == null && leftover.isEmpty()) {
                break;
            }
            if (world.clock.nanos() - before > MOST_NANOS) {
                if (restless == null) {
                    throw new Violation("I28", leftover);
                }
                throw new Violation(
                                "liveness",
                                "not at rest " + MOST_NANOS / SECOND_NANOS + " s after all was healed: "
                                        + problem(world, restless))
                        .about(restless.name, -1);
            }
            run(SECOND_NANOS);
        }
        world.quiet();
        awaitIdleHosts();
        long took = world.clock.nanos() - before;
        // Longer than a disk that just came is silent: until then it cannot know whether it granted before.
        run(8 * SECOND_NANOS);
        for (SimVolume volume : List.copyOf(world.volumes)) {
            if (!world.excused(volume)) {
                compare(volume);
            }
        }
        audit();
        stopAll();
        return took;
    }

    /** The books of every disk must be right at rest. */
    private void audit() {
        for (SimNode node : world.nodes) {
            for (StoreUnderTest disk : node.disks()) {
                ReplicaStore store = node.up() ? node.store(disk.id()) : null;
                String problem = store == null ? null : disk.audit(store);
                if (problem != null) {
                    throw new Violation("I19", "disk " + disk.id() + " at rest: " + problem);
                }
            }
        }
    }

    private void run(long nanos) {
        long until = world.clock.nanos() + nanos;
        while (world.clock.nanos() < until) {
            world.step();
        }
    }

    private @Nullable SimVolume restless() {
        for (SimVolume volume : world.volumes) {
            if (!world.excused(volume) && problem(world, volume) != null) {
                return volume;
            }
        }
        return null;
    }

    /** A replica of a deleted volume that still takes space, in words. */
    private String leftover() {
        for (SimNode node : world.nodes) {
            for (StoreUnderTest disk : node.disks()) {
                ReplicaStore store = node.up() ? node.store(disk.id()) : null;
                for (Replica replica : store == null ? List.<Replica>of() : store.replicas()) {
                    Configuration now = world.config.current(replica.volume());
                    if (now != null && now.deleted()) {
                        return "disk " + disk.id() + " still has a replica of " + now.name() + ", which was deleted";
                    }
                }
            }
        }
        return "";
    }

    private void awaitIdleHosts() {
        long before = world.clock.nanos();
        while (!world.hosts.stream().allMatch(this::isIdle)) {
            if (world.clock.nanos() - before > MOST_NANOS) {
                throw new Violation("liveness", "a request of a host is never answered in a healthy cluster");
            }
            run(SECOND_NANOS / 10);
        }
    }

    private boolean isIdle(SimHost host) {
        return host.idle() || world.volumes.stream().anyMatch(volume -> host.uses(volume) && world.excused(volume));
    }

    private void compare(SimVolume volume) {
        Configuration now = Objects.requireNonNull(world.config.current(volume.id()));
        if (now.deleted()) {
            return;
        }
        List<Ledger.ReplicaImage> images = new ArrayList<>();
        long before = world.clock.nanos();
        do {
            images.clear();
            unreadable = "";
            for (DiskId disk : now.inSync()) {
                images.add(image(volume, now, disk));
            }
            if (!unreadable.isEmpty()) {
                // The owner's scrub comes by and repairs what went bad.
                run(5 * SECOND_NANOS);
            }
        } while (!unreadable.isEmpty() && world.clock.nanos() - before < 2 * MOST_NANOS);
        if (!unreadable.isEmpty()) {
            throw new Violation("I9", volume.name + ": " + unreadable);
        }
        List<String> differing = Ledger.differences(images);
        if (!differing.isEmpty()) {
            throw new Violation("I9", volume.name + " at rest in epoch " + now.epoch() + ": " + differing.getFirst());
        }
    }

    private Ledger.ReplicaImage image(SimVolume volume, Configuration now, DiskId disk) {
        ReplicaStore store = null;
        SimNode at = null;
        for (SimNode node : world.nodes) {
            if (node.up() && node.store(disk) != null) {
                store = node.store(disk);
                at = node;
            }
        }
        Replica replica = store == null ? null : store.replica(now.volume());
        if (replica == null || at == null) {
            throw new Violation("I9", volume.name + ": in-sync disk " + disk + " is not open or has no replica");
        }
        int blocks = (int) (now.sizeBytes() / BlockDevice.BLOCK_BYTES);
        Ledger.ReplicaImage image = new Ledger.ReplicaImage(disk, new int[blocks], new int[blocks], new byte[blocks][]);
        for (int extent = 0; extent * Replica.EXTENT_BLOCKS < blocks; extent++) {
            readExtent(replica, at.hostMemory(), extent, image);
        }
        return image;
    }

    private void readExtent(Replica replica, SimBuffers memory, int extent, Ledger.ReplicaImage into) {
        int first = extent * Replica.EXTENT_BLOCKS;
        int count = Math.min(Replica.EXTENT_BLOCKS, into.crcs().length - first);
        int[] left = {2};
        replica.describe(
                extent,
                (tag, status, content) -> {
                    if (status != Status.OK || content == null) {
                        throw new Violation("I9", "disk " + into.disk() + " at rest cannot be described: " + status);
                    }
                    System.arraycopy(content.crcs(), 0, into.crcs(), first, count);
                    System.arraycopy(content.wseqLows(), 0, into.wseqLows(), first, count);
                    left[0]--;
                },
                0);
        Buffer buffer = Objects.requireNonNull(memory.acquire(count * BlockDevice.BLOCK_BYTES));
        replica.read(
                first,
                count,
                buffer,
                0,
                (tag, status) -> {
                    if (status != Status.OK) {
                        unreadable = "disk " + into.disk() + " at rest cannot be read: " + status;
                        buffer.release();
                        left[0]--;
                        return;
                    }
                    for (int i = 0; i < count; i++) {
                        into.bytes()[first + i] =
                                SimBuffers.copyOf(buffer, i * BlockDevice.BLOCK_BYTES, BlockDevice.BLOCK_BYTES);
                    }
                    buffer.release();
                    left[0]--;
                },
                0);
        long before = world.clock.nanos();
        while (left[0] > 0) {
            if (world.clock.nanos() - before > 10 * SECOND_NANOS) {
                throw new Violation("liveness", "disk " + into.disk() + " does not answer");
            }
            world.step();
        }
    }

    /** Ends one node after the other the orderly way: nobody may be left with a lease or with memory. */
    private void stopAll() {
        world.ending();
        for (SimNode node : world.nodes) {
            // One that was asked before, and stood still since, ends by itself.
            while (node.up() && !node.serving()) {
                world.step();
            }
            if (!node.up()) {
                continue;
            }
            boolean[] over = {false};
            node.stop((grants, problems, held) -> {
                over[0] = true;
                if (held != 0) {
                    throw new Violation("I22", "node " + node.number() + " ends with " + held + " bytes of memory out");
                }
                if (grants && allOthersDown(node)) {
                    throw new Violation("I5", "node " + node.number() + " ends with a lease given to nobody alive");
                }
            });
            long before = world.clock.nanos();
            while (!over[0]) {
                if (world.clock.nanos() - before > 60 * SECOND_NANOS) {
                    throw new Violation("liveness", "node " + node.number() + " does not end when asked to");
                }
                world.step();
            }
        }
    }

    private boolean allOthersDown(SimNode node) {
        return world.nodes.stream().allMatch(other -> other == node || !other.up());
    }
}
