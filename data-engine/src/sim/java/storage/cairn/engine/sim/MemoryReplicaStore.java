package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/** A {@link MemoryDisk} as one process has it open: obeys the contract of {@link ReplicaStore} to the letter. */
final class MemoryReplicaStore implements ReplicaStore {
    private static final long OPERATION_NANOS = 60_000;
    private static final int RESERVED_PART = 32;

    private final MemoryDisk disk;
    private final SimProcess process;
    private final SimRandom random;
    private final Faults faults;
    private final boolean closedClean;
    private final TreeMap<VolumeId, MemoryReplica> replicas = new TreeMap<>();
    private final List<Change> pending = new ArrayList<>();
    private long creditsOut;
    private @Nullable String failure;
    private boolean closing;

    MemoryReplicaStore(MemoryDisk disk, SimProcess process, SimRandom random, Faults faults, boolean closedClean) {
        this.disk = disk;
        this.process = process;
        this.random = random;
        this.faults = faults;
        this.closedClean = closedClean;
        disk.volumes().forEach((id, volume) -> replicas.put(id, new MemoryReplica(this, volume)));
    }

    @Override
    public DiskId disk() {
        return disk.id();
    }

    @Override
    public Collection<? extends Replica> replicas() {
        return List.copyOf(replicas.values());
    }

    @Override
    public @Nullable Replica replica(VolumeId volume) {
        return replicas.get(volume);
    }

    @Override
    public void create(Configuration configuration, Replica.Done done, long tag) {
        Status[] outcome = {Status.OK};
        change(
                () -> {
                    MemoryVolume there = disk.volumes().get(configuration.volume());
                    if (there == null) {
                        MemoryVolume volume = new MemoryVolume(configuration, faults);
                        disk.volumes().put(configuration.volume(), volume);
                        replicas.put(configuration.volume(), new MemoryReplica(this, volume));
                    } else if (!there.configuration().equals(configuration)) {
                        outcome[0] = Status.CONFLICT;
                    }
                },
                () -> done.done(tag, failed() ? Status.DISK_FAILED : outcome[0]));
    }

    @Override
    public void delete(VolumeId volume, Replica.Done done, long tag) {
        change(
                () -> {
                    disk.volumes().remove(volume);
                    MemoryReplica gone = replicas.remove(volume);
                    if (gone != null) {
                        gone.erased();
                    }
                },
                () -> done.done(tag, failed() ? Status.DISK_FAILED : Status.OK));
    }

    @Override
    public boolean closedClean() {
        return closedClean;
    }

    @Override
    public @Nullable String failure() {
        return failure;
    }

    @Override
    public long capacitySlots() {
        return disk.capacitySlots();
    }

    @Override
    public long freeSlots() {
        return Math.max(0, disk.capacitySlots() - disk.mappedSlots() - creditsOut);
    }

    /** Kept aside for writes whose credits were forgotten. */
    long reserveSlots() {
        return Math.max(Replica.MAX_WRITE_BLOCKS, capacitySlots() / RESERVED_PART);
    }

    @Override
    public void close(boolean grantsOutstanding, Replica.Done done, long tag) {
        closing = true;
        whenDrained(() -> {
            boolean ok = failure == null;
            disk.closed(ok && !grantsOutstanding);
            done.done(tag, ok ? Status.OK : Status.DISK_FAILED);
        });
    }

    void written(MemoryVolume volume, long block, int count) {
        disk.written(volume, block, count);
    }

    boolean failed() {
        return failure != null;
    }

    boolean refuses() {
        return closing || failure != null;
    }

    void credits(long delta) {
        creditsOut += delta;
    }

    SimRandom random() {
        return random;
    }

    Faults faults() {
        return faults;
    }

    /** Does nothing to the disk: {@code then} runs later. */
    void later(Runnable then) {
        process.after(OPERATION_NANOS / 2 + random.below(OPERATION_NANOS), then);
    }

    /** Whether the disk cannot take the data of a write, which then never happened. */
    boolean refusesWrite() {
        return disk.gate().refusesWrite()
                || (faults.on(Fault.DISK_WRITE_ERROR) && faults.strikes(Fault.DISK_WRITE_ERROR, random));
    }

    /** Whether a verification comes to nothing. */
    boolean refusesToVerify() {
        return disk.gate().refusesToVerify();
    }

    /** Tells what an operation found, unless a schedule holds that back. */
    void tell(Gate.Step step, Runnable answer) {
        disk.gate().pass(step, () -> {
            if (!process.dead()) {
                answer.run();
            }
        });
    }

    /** Makes {@code effect} durable some time from now, then tells; a crash before lets it happen or not. */
    Change change(Runnable effect, Runnable then) {
        return change(Gate.Step.OTHER, effect, then);
    }

    Change change(Gate.Step step, Runnable effect, Runnable then) {
        Change change = new Change(effect, then);
        if (faults.strikes(Fault.DISK_WRITE_ERROR, random)) {
            fail("write error");
        }
        pending.add(change);
        long nanos = OPERATION_NANOS + random.below(2 * OPERATION_NANOS);
        if (faults.strikes(Fault.DISK_SLOW, random)) {
            nanos += random.below(1_500_000_000L);
        }
        if (faults.has(Defect.EARLY_ACK)) {
            process.after(OPERATION_NANOS / 2, change::acknowledge);
        }
        process.after(nanos, () -> tell(step, change::end));
        return change;
    }

    /** As {@link #change}, behind every change asked for so far. */
    void changeBehind(Runnable effect, Runnable then) {
        List<Change> before = List.copyOf(pending);
        Change change = new Change(effect, then);
        pending.add(change);
        await(before, change::end);
    }

    private void await(List<Change> before, Runnable then) {
        if (before.stream().anyMatch(change -> !change.ended)) {
            process.after(OPERATION_NANOS, () -> await(before, then));
        } else {
            process.after(OPERATION_NANOS, then);
        }
    }

    private void whenDrained(Runnable then) {
        await(List.copyOf(pending), then);
    }

    private void fail(String why) {
        if (failure == null) {
            failure = "disk " + disk.id() + ": " + why;
        }
    }

    void crash() {
        if (faults.has(Defect.TORN_WRITE)) {
            disk.volumes().values().forEach(MemoryVolume::tear);
        }
        for (Change change : pending) {
            if (!change.ended && random.nextBoolean()) {
                change.effect.run();
            }
        }
        replicas.values().forEach(MemoryReplica::crash);
        disk.volumes().values().forEach(MemoryVolume::whole);
        pending.clear();
    }

    /** A change under way. */
    final class Change {
        private final Runnable effect;
        private final Runnable then;
        private boolean acknowledged;
        private boolean ended;

        Change(Runnable effect, Runnable then) {
            this.effect = effect;
            this.then = then;
        }

        private void end() {
            ended = true;
            pending.remove(this);
            if (failure == null || random.nextBoolean()) {
                if (!faults.has(Defect.DROPPED_WRITE) || random.below(64) != 0) {
                    effect.run();
                }
            }
            acknowledge();
        }

        private void acknowledge() {
            if (!acknowledged) {
                acknowledged = true;
                then.run();
            }
        }
    }
}
