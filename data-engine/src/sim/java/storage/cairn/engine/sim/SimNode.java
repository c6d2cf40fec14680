package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.replication.NodeBuffers;
import storage.cairn.engine.replication.StorageNode;
import storage.cairn.engine.store.ReplicaStore;

/** A machine of a {@link World}: its disks, and the engine process that runs on it now and then. */
final class SimNode {
    private static final long POOL_BYTES = 64L << 20;
    private static final long SPARE_BYTES = 8L << 20;

    private final World world;
    private final int number;
    private final List<StoreUnderTest> disks;
    private final List<ReplicaStore> stores = new ArrayList<>();
    private final List<SimBuffers> pools = new ArrayList<>();
    private final SimBuffers.Spare spare = new SimBuffers.Spare(SPARE_BYTES);
    private @Nullable SimProcess process;
    private @Nullable StorageNode engine;
    private @Nullable SimBuffers hostMemory;
    private @Nullable NodeBuffers memory;
    private boolean stopping;
    private boolean diskUnusable;
    private int starts;

    SimNode(World world, int number, List<StoreUnderTest> disks) {
        this.world = world;
        this.number = number;
        this.disks = disks;
    }

    int number() {
        return number;
    }

    boolean up() {
        return engine != null;
    }

    /** Whether it serves hosts: up, and not on its way down. */
    boolean serving() {
        return engine != null && !stopping;
    }

    StorageNode engine() {
        return Objects.requireNonNull(engine);
    }

    SimProcess process() {
        return Objects.requireNonNull(process);
    }

    /** What its engine works with. */
    NodeBuffers memory() {
        return Objects.requireNonNull(memory);
    }

    SimBuffers hostMemory() {
        return Objects.requireNonNull(hostMemory);
    }

    /** Counts starts, so that who talks to one process notices that it is another. */
    int starts() {
        return starts;
    }

    @Nullable
    ReplicaStore store(DiskId disk) {
        for (ReplicaStore store : stores) {
            if (store.disk().equals(disk)) {
                return store;
            }
        }
        return null;
    }

    boolean hasFailedDisk() {
        return diskUnusable || stores.stream().anyMatch(store -> store.failure() != null);
    }

    List<StoreUnderTest> disks() {
        return disks;
    }

    void start() {
        if (engine != null) {
            return;
        }
        starts++;
        SimProcess fresh = new SimProcess(world.clock, world.random.below(1_000_000_000_000L));
        process = fresh;
        if (world.faults.strikes(Fault.CLOCK_DRIFT, world.random)) {
            fresh.drift(1_000_000 + world.random.between(-30_000, 30_000));
        }
        pools.clear();
        diskUnusable = false;
        SimBuffers host = pool();
        hostMemory = host;
        Network network = world.network.join(number, fresh, pool());
        NodeBuffers roles = new NodeBuffers(pool(), pool(), pool());
        memory = roles;
        StorageNode started = new StorageNode(
                world.identity(number),
                world.settings,
                fresh,
                world.random.fork(),
                network,
                world.config.open(number, fresh),
                roles,
                this::log);
        engine = started;
        started.whenForgotten(world.rollBacks::ahead);
        world.trace.event(world.clock.nanos(), number, "node: start", starts, 0, 0);
        started.start();
        for (StoreUnderTest disk : disks) {
            openDisk(disk, fresh, started);
        }
    }

    private SimBuffers pool() {
        SimBuffers pool = new SimBuffers(POOL_BYTES, spare);
        pools.add(pool);
        return pool;
    }

    private void openDisk(StoreUnderTest disk, SimProcess into, StorageNode started) {
        disk.open(into, (store, problem) -> {
            if (into.dead()) {
                return;
            }
            if (store == null) {
                diskUnusable = true;
                world.diskUnusable(this, disk, problem);
            } else {
                stores.add(store);
                started.addStore(store);
            }
        });
    }

    private void log(Log.Level level, String subject, long epoch, String event, String detail) {
        world.logged(number, level, subject, epoch, event, detail);
    }

    /** The process dies; with {@code power} the whole machine does. */
    void kill(boolean power) {
        SimProcess dying = process;
        if (dying == null || engine == null) {
            return;
        }
        world.trace.event(world.clock.nanos(), number, power ? "node: power cut" : "node: killed", starts, 0, 0);
        dying.kill();
        engine = null;
        stopping = false;
        stores.clear();
        world.network.leave(number, power);
        for (StoreUnderTest disk : disks) {
            if (power) {
                disk.powerCut();
            } else {
                disk.killed();
            }
        }
        world.nodeGone(this, power);
    }

    void pause(long nanos) {
        if (process != null && engine != null) {
            world.trace.event(world.clock.nanos(), number, "node: paused", nanos, 0, 0);
            if (world.faults.has(Defect.FROZEN_CLOCK)) {
                process.freeze(nanos);
            } else {
                process.pause(nanos);
            }
        }
    }

    /**
     * Ends it the orderly way; {@code then} runs when its stores are closed, or never when it dies before.
     */
    void stop(Stopped then) {
        if (!serving()) {
            return;
        }
        stopping = true;
        world.trace.event(world.clock.nanos(), number, "node: stopping", starts, 0, 0);
        StorageNode ending = engine();
        process()
                .execute(() -> ending.shutdown((grants, problems) -> {
                    world.trace.event(world.clock.nanos(), number, "node: stopped", grants ? 1 : 0, problems.size(), 0);
                    closeStores(grants, List.copyOf(stores), () -> {
                        then.stopped(grants, problems, heldBytes());
                        kill(false);
                    });
                }));
    }

    private void closeStores(boolean grants, List<ReplicaStore> left, Runnable then) {
        if (left.isEmpty()) {
            process().execute(then);
            return;
        }
        left.getFirst().close(grants, (tag, status) -> closeStores(grants, left.subList(1, left.size()), then), 0);
    }

    /** Bytes of all pools that are out. */
    long heldBytes() {
        long sum = 0;
        for (SimBuffers pool : pools) {
            sum += pool.outBytes();
        }
        return sum;
    }

    interface Stopped {
        /**
         * @param heldBytes memory that was still out at the end
         */
        void stopped(boolean grantsOutstanding, List<String> problems, long heldBytes);
    }
}
