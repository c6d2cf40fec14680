package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/**
 * Runs one store through a random life from a seed: operations of all kinds on several volumes, crashes at any moment,
 * also during recovery and right after it; and compares every answer with a {@link StoreModel}.
 */
final class StoreSim {
    private static final int MOST_OPENS = 8;
    private static final int MOST_OPENS_OF_LYING = 3;
    /** Of a block written: more of them, and no disk can ever be opened. */
    private static final int MOST_LIES_PER_MILLION = 1 << 14;

    private static final int MOST_CRASHES_IN_ROW = 3;
    /** How much likelier a crash is while superblocks are being written: they are for a small part of the time only. */
    private static final int FRAGILE_WEIGHT = 64;

    private static final int MOST_CRASHES_PER_MILLION = 3_000;
    private static final long SPARE_BYTES = 16L << 20;
    private static final int DISK_BLOCKS = 1 << 14;
    private static final long PATIENCE_NANOS = 120_000_000_000L;

    final SimClock clock = new SimClock();
    final SimRandom random;
    final Faults faults;
    final Trace trace;
    final Stamps stamps = new Stamps();
    /** By identity, in the order in which they were made. */
    final List<StoreModel> models = new ArrayList<>();

    private final Map<VolumeId, StoreModel> byVolume = new HashMap<>();
    private final StoreUnderTest target;
    private final StoreWorkload workload;
    private final StoreQueries queries;
    private final int operations;
    private final int depth;
    private final boolean lying;
    private SimProcess process = new SimProcess(clock, 0);
    private final SimBuffers.Spare spare = new SimBuffers.Spare(SPARE_BYTES);
    SimBuffers buffers = new SimBuffers(1L << 30, spare);
    private @Nullable ReplicaStore store;
    private boolean opening;
    private int failedOpens;
    private int crashesInRow;
    private int outstanding;
    private int life;
    private long done;
    private long crashes;
    private long stampsMade;

    StoreSim(long seed, StoreTarget kind, Collection<Fault> allowed, int operations, Trace trace) {
        this(seed, kind, Chances.of(allowed), Defect.NONE, operations, trace);
    }

    StoreSim(long seed, StoreTarget kind, Chances chances, Defect defect, int operations, Trace trace) {
        this.random = new SimRandom(seed);
        this.faults = chances.draw(random);
        this.faults.defect(defect);
        this.faults.limit(Fault.POWER_CUT, MOST_CRASHES_PER_MILLION);
        this.faults.limit(Fault.KILL, MOST_CRASHES_PER_MILLION);
        this.faults.limit(Fault.DISK_LOST_WRITE, MOST_LIES_PER_MILLION);
        this.faults.limit(Fault.DISK_MISDIRECTED_WRITE, MOST_LIES_PER_MILLION);
        this.faults.limit(Fault.DISK_ROT, MOST_LIES_PER_MILLION);
        this.trace = trace;
        this.operations = operations;
        this.depth = 1 << random.below(7);
        this.lying = faults.on(Fault.DISK_LOST_WRITE)
                || faults.on(Fault.DISK_MISDIRECTED_WRITE)
                || faults.on(Fault.DISK_ROT);
        this.target = kind.make(clock, random.fork(), faults, trace, 1, DISK_BLOCKS);
        this.queries = new StoreQueries(this, random);
        this.workload = new StoreWorkload(this, random, queries);
    }

    /** Lives the whole life; throws a {@link Violation} if a promise is broken. */
    SimReport run() {
        open();
        while (done < operations) {
            if (store == null) {
                waitForOpen();
            } else if (crashes(1)) {
                crash();
            } else if (store.failure() != null) {
                restart("disk failed");
            } else if (outstanding < depth) {
                workload.next(store);
            } else {
                step();
            }
        }
        end();
        return SimReport.ofStore(clock.nanos(), done, trace.hash(), faults, crashes);
    }

    private void end() {
        faults.heal();
        settle();
        audit();
        queries.verifyAll(opened());
        settle();
        closeAndReopen();
        queries.verifyAll(opened());
        settle();
        audit();
    }

    ReplicaStore opened() {
        return Objects.requireNonNull(store, "the store is not open");
    }

    boolean lying() {
        return lying;
    }

    /** Whether what was acked may be gone, as long as the store says so. */
    boolean mayBeDamaged() {
        return lying || faults.struckOfDisk() > 0;
    }

    private void closeAndReopen() {
        boolean[] closed = {false};
        long before = clock.nanos();
        opened().close(
                        false,
                        (tag, status) -> {
                            // What a lying medium lost may show only now.
                            if (status != Status.OK && !(lying && status == Status.DISK_FAILED)) {
                                throw new Violation("close", "close of an idle, healthy store ended with " + status);
                            }
                            closed[0] = true;
                        },
                        0);
        while (!closed[0]) {
            stepBefore(before + PATIENCE_NANOS, "close");
        }
        restart("closed");
        settle();
        if (!lying && !opened().closedClean()) {
            throw new Violation("close", "a store that was cleanly closed does not know it");
        }
    }

    /** Until the store is open and everything asked for is answered. */
    private void settle() {
        long before = clock.nanos();
        while (store == null || outstanding > 0 || Objects.requireNonNull(store).failure() != null) {
            if (store != null && store.failure() != null) {
                restart("disk failed");
            }
            stepBefore(before + PATIENCE_NANOS, store == null ? "open" : "an operation");
        }
        if (buffers.outBytes() != 0) {
            throw new Violation("I22", buffers.outBytes() + " bytes of memory are still held with nothing under way");
        }
    }

    private void audit() {
        String problem = target.audit(opened());
        if (problem != null) {
            throw new Violation("I19", problem);
        }
    }

    private void stepBefore(long deadline, String what) {
        if (!clock.step() || clock.nanos() > deadline) {
            throw new Violation("liveness", what + " never ends");
        }
    }

    private void step() {
        if (!clock.step()) {
            throw new Violation("liveness", outstanding + " operations are never answered");
        }
    }

    private void waitForOpen() {
        if (!opening) {
            open();
        }
        if (crashesInRow < MOST_CRASHES_IN_ROW && crashes(2)) {
            crashesInRow++;
            crash();
        } else {
            step();
        }
    }

    /** Whether now is a moment to die, {@code weight} times as likely as with one operation. */
    private boolean crashes(int weight) {
        int chances = target.fragile() ? weight * FRAGILE_WEIGHT : weight;
        for (int i = 0; i < chances; i++) {
            if (faults.chance(Fault.POWER_CUT, random) || faults.chance(Fault.KILL, random)) {
                return true;
            }
        }
        return false;
    }

    private void crash() {
        boolean power = !faults.on(Fault.KILL) || (faults.on(Fault.POWER_CUT) && random.nextBoolean());
        die();
        if (power) {
            faults.count(Fault.POWER_CUT);
            target.powerCut();
        } else {
            faults.count(Fault.KILL);
            target.killed();
        }
        crashes++;
        trace.event(clock.nanos(), 0, power ? "store: power cut" : "store: killed", crashes, done, outstanding);
    }

    private void restart(String why) {
        trace.event(clock.nanos(), 0, "store: " + why, done, outstanding, 0);
        die();
        target.killed();
        open();
    }

    private void die() {
        process.kill();
        process = new SimProcess(clock, random.below(1_000_000_000L));
        buffers.abandon();
        buffers = new SimBuffers(1L << 30, spare);
        store = null;
        opening = false;
        outstanding = 0;
        life++;
        models.forEach(StoreModel::crashed);
    }

    private void open() {
        opening = true;
        int mine = life;
        target.open(process, (opened, problem) -> {
            if (mine == life) {
                opened(opened, problem);
            }
        });
    }

    private void opened(@Nullable ReplicaStore opened, String problem) {
        opening = false;
        if (opened == null) {
            failedToOpen(problem);
            return;
        }
        failedOpens = 0;
        crashesInRow = 0;
        store = opened;
        trace.event(clock.nanos(), 0, "store: open", life, opened.replicas().size(), opened.freeSlots());
        workload.recovered(opened);
        if (!faultsOfDiskOn()) {
            audit();
        }
        if (random.below(6) == 0) {
            queries.verifyAll(opened);
        }
    }

    private boolean faultsOfDiskOn() {
        return lying
                || faults.on(Fault.DISK_READ_ERROR)
                || faults.on(Fault.DISK_WRITE_ERROR)
                || faults.on(Fault.DISK_FLUSH_ERROR);
    }

    private void failedToOpen(String problem) {
        trace.say(clock.nanos(), 0, "store: cannot be opened: " + problem);
        if (!faultsOfDiskOn() && faults.struckOfDisk() == 0) {
            throw new Violation("I9", "a store on a healthy disk cannot be opened: " + problem);
        }
        failedOpens++;
        if (failedOpens > MOST_OPENS / 2) {
            faults.set(Fault.DISK_READ_ERROR, 0).set(Fault.DISK_WRITE_ERROR, 0).set(Fault.DISK_FLUSH_ERROR, 0);
        }
        if (lying && (failedOpens > MOST_OPENS_OF_LYING || done >= operations)) {
            // Such a disk is thrown away; that it was not opened with wrong content is all that was promised.
            models.clear();
            byVolume.clear();
            target.replace();
        } else if (failedOpens > MOST_OPENS) {
            throw new Violation("I9", "a store whose disk is healthy again cannot be opened: " + problem);
        }
        restart("opened again");
    }

    void add(StoreModel model, VolumeId volume) {
        models.add(model);
        byVolume.put(volume, model);
    }

    void remove(StoreModel model) {
        models.remove(model);
        byVolume.remove(model.configuration().volume());
    }

    @Nullable
    StoreModel model(VolumeId volume) {
        return byVolume.get(volume);
    }

    Configuration newConfiguration(int number, int blocks, boolean inSync) {
        DiskId elsewhere = new DiskId(new UUID(7, 7));
        return new Configuration(
                new VolumeId(new UUID(random.nextLong(), number)),
                "v" + number,
                1,
                1,
                new UUID(random.nextLong(), 1),
                null,
                inSync ? List.of(target.id()) : List.of(elsewhere),
                inSync ? List.of() : List.of(new Configuration.Stale(target.id(), 0)),
                List.of(),
                1,
                (long) blocks * BlockDevice.BLOCK_BYTES,
                null,
                false,
                false);
    }

    /** Begins an operation of the present process; its answer counts only while that lives. */
    Answer ask() {
        outstanding++;
        return new Answer(life);
    }

    Replica.Done done(String what, Outcome outcome) {
        Answer answer = ask();
        return (tag, status) -> {
            if (answer.counts()) {
                trace.event(clock.nanos(), 0, what, tag, status.code(), done);
                outcome.ended(status);
            }
        };
    }

    Buffer buffer(int blocks) {
        return Objects.requireNonNull(buffers.acquire(blocks * BlockDevice.BLOCK_BYTES), "out of memory");
    }

    /** Memory with the content of a write. */
    Buffer stamped(StoreModelOp op) {
        Buffer data = buffer(Math.max(1, op.entry.count()));
        for (int i = 0; i < op.entry.count(); i++) {
            Stamps.put(data, i, op.value(i));
        }
        data.seal(0, op.entry.count());
        return data;
    }

    long newStamp() {
        return ++stampsMade << StampPlaces.SHIFT;
    }

    interface Outcome {
        void ended(Status status);
    }

    /** An answer that is due, exactly once. */
    final class Answer {
        private final int askedIn;
        private boolean given;

        Answer(int askedIn) {
            this.askedIn = askedIn;
        }

        /** Called when it comes. */
        boolean counts() {
            if (given) {
                throw new Violation("contract", "an operation was answered twice");
            }
            given = true;
            if (askedIn != life) {
                return false;
            }
            outstanding--;
            done++;
            return true;
        }
    }
}
