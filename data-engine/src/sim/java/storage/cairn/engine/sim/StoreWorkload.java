package storage.cairn.engine.sim;

import java.util.List;
import java.util.UUID;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;
import storage.cairn.engine.store.Replica.Kind;
import storage.cairn.engine.store.Replica.TailEntry;
import storage.cairn.engine.store.ReplicaStore;

/** What a {@link StoreSim} asks of its store: every call of the contract, in and out of its bounds. */
final class StoreWorkload {
    private static final int MOST_VOLUMES = 3;
    private static final int EXTENT = Replica.EXTENT_BLOCKS;

    private final StoreSim sim;
    private final SimRandom random;
    private final StoreQueries queries;
    private final StoreRefusals refusals;
    private final int largest;
    /** Whether one volume takes most of the disk. */
    private final boolean crowded;

    private @org.jspecify.annotations.Nullable StoreModel ballast;
    private int filled;
    private int volumesMade;

    StoreWorkload(StoreSim sim, SimRandom random, StoreQueries queries) {
        this.sim = sim;
        this.queries = queries;
        this.refusals = new StoreRefusals(sim, random, queries);
        this.random = random;
        this.largest = 1 << random.below(9);
        this.crowded = random.below(3) == 0;
    }

    void next(ReplicaStore store) {
        StoreModel filling = ballast;
        if (filling != null && filled < filling.blocks() && sim.models.contains(filling)) {
            fill(filling, store);
            return;
        }
        if (sim.models.isEmpty() || (sim.models.size() < MOST_VOLUMES && random.below(100) == 0)) {
            create(store);
            return;
        }
        StoreModel model = sim.models.get(random.below(sim.models.size()));
        Replica replica = store.replica(model.configuration().volume());
        if (replica == null) {
            throw new Violation("I28", "volume " + model.name() + " is gone");
        }
        int dice = random.below(1000);
        if (dice < 450) {
            write(model, replica);
        } else if (dice < 550) {
            zero(model, replica);
        } else if (dice < 800) {
            queries.read(model, replica, random.below(model.blocks()), 1 + random.below(largest));
        } else if (dice < 860) {
            model.tell(model.told() + random.below(Math.max(1, model.settled() - model.told() + 1)));
            replica.commit(model.told());
            sim.clock.step();
        } else {
            rare(dice, model, replica, store);
        }
    }

    private void rare(int dice, StoreModel model, Replica replica, ReplicaStore store) {
        if (dice < 880) {
            configure(model, replica);
        } else if (dice < 900) {
            resync(model, replica, store.disk());
        } else if (dice < 915) {
            refusals.again(model, replica);
        } else if (dice < 930) {
            refusals.refused(model, replica);
        } else if (dice < 945) {
            queries.describe(model, replica, random.below(model.blocks()) / EXTENT);
        } else if (dice < 955) {
            queries.changed(model, replica, model.told() - random.below(20));
        } else if (dice < 965) {
            resize(model, replica);
        } else if (dice < 975) {
            queries.states(model, replica);
        } else if (dice < 980) {
            queries.verify(model, replica, random.below(model.blocks()) / EXTENT);
        } else if (dice < 982 && model.idle()) {
            delete(model, store);
        } else {
            rollForward(model, replica);
        }
    }

    private void create(ReplicaStore store) {
        if (creating != null) {
            sim.clock.step();
            return;
        }
        boolean first = crowded && volumesMade == 0;
        int blocks = first ? mostOf(store) : EXTENT / 2 + random.below(2 * EXTENT);
        Configuration configuration = sim.newConfiguration(++volumesMade, blocks, random.below(3) > 0);
        VolumeId volume = configuration.volume();
        StoreModel model = new StoreModel(configuration, sim.lying());
        creating = model;
        ballast = first ? model : ballast;
        store.create(
                configuration,
                sim.done("create", status -> {
                    if (status == Status.DISK_FAILED) {
                        // Whether it is there shows when the disk is opened again.
                        return;
                    }
                    creating = null;
                    if (status == Status.OK) {
                        sim.add(model, volume);
                    } else {
                        queries.expect(status, "create", Status.NO_SPACE);
                    }
                }),
                volumesMade);
        waitWhile(() -> creating == model);
    }

    /** The volume whose creation was asked for and not answered. */
    private @org.jspecify.annotations.Nullable StoreModel creating;

    private @org.jspecify.annotations.Nullable StoreModel deleting;

    /** Creations and deletions are few: nothing else begins meanwhile, except a crash. */
    private void waitWhile(java.util.function.BooleanSupplier pending) {
        for (int i = 0; i < 10_000 && pending.getAsBoolean() && random.below(200) != 0; i++) {
            if (!sim.clock.step()) {
                return;
            }
        }
    }

    private void delete(StoreModel model, ReplicaStore store) {
        if (deleting != null) {
            return;
        }
        VolumeId volume = model.configuration().volume();
        deleting = model;
        model.deleting();
        store.delete(
                volume,
                sim.done("delete", status -> {
                    if (queries.expect(status, "delete", Status.OK, Status.DISK_FAILED) == Status.OK) {
                        deleting = null;
                        sim.remove(model);
                        if (store.replica(volume) != null) {
                            throw new Violation("I28", "deleted volume " + model.name() + " is still there");
                        }
                    }
                }),
                0);
        sim.remove(model);
        sim.models.remove(model);
        waitWhile(() -> deleting == model);
    }

    /** Compares what came back after a crash, volume by volume. */
    void recovered(ReplicaStore store) {
        settleUnknownVolumes(store);
        for (StoreModel model : List.copyOf(sim.models)) {
            Replica replica = store.replica(model.configuration().volume());
            if (replica == null && sim.lying()) {
                sim.remove(model);
            } else if (replica == null) {
                throw new Violation("I1", "volume " + model.name() + " is gone after a crash");
            } else {
                model.recovered(replica, sim.mayBeDamaged());
            }
        }
        for (Replica replica : store.replicas()) {
            if (sim.model(replica.volume()) == null && !sim.lying()) {
                throw new Violation("I28", "volume " + replica.volume() + " is back after its deletion");
            }
        }
    }

    private void settleUnknownVolumes(ReplicaStore store) {
        StoreModel made = creating;
        if (made != null && store.replica(made.configuration().volume()) != null) {
            sim.add(made, made.configuration().volume());
        }
        StoreModel gone = deleting;
        if (gone != null && store.replica(gone.configuration().volume()) != null) {
            sim.add(gone, gone.configuration().volume());
        }
        creating = null;
        deleting = null;
    }

    /** So many blocks that little is left on the disk: then freed slots are used again at once. */
    private int mostOf(ReplicaStore store) {
        return (int) Math.max(EXTENT, store.freeSlots() - 256 - random.below(1_024));
    }

    /** Writes the next stretch of the volume that makes the disk crowded. */
    private void fill(StoreModel model, ReplicaStore store) {
        Replica replica = store.replica(model.configuration().volume());
        int count = Math.min(Replica.MAX_WRITE_BLOCKS, model.blocks() - filled);
        if (replica == null || !model.free(filled, count)) {
            sim.clock.step();
            return;
        }
        write(model, replica, filled, count);
        filled += count;
    }

    /** Most are small. */
    private int size() {
        return random.below(1 + random.below(1 + random.below(largest)));
    }

    private int place(StoreModel model, int count) {
        int hot = Math.min(model.blocks(), 64);
        int range = random.below(4) == 0 ? model.blocks() : hot;
        return random.below(Math.max(1, Math.min(range, model.blocks() - count + 1)));
    }

    private void write(StoreModel model, Replica replica) {
        int count = Math.min(1 + size(), Math.min(Replica.MAX_WRITE_BLOCKS, model.blocks()));
        int block = place(model, count);
        if (model.free(block, count)) {
            write(model, replica, block, count);
        } else {
            sim.clock.step();
        }
    }

    private void write(StoreModel model, Replica replica, int block, int count) {
        long epoch = model.newest().epoch();
        if (random.below(4) == 0) {
            replica.grantCredits(epoch, count);
        }
        StoreModelOp op = new StoreModelOp(
                new TailEntry(epoch, model.takeWseq(), Kind.WRITE, block, count), sim.newStamp(), false);
        Buffer data = sim.stamped(op);
        model.submit(op);
        replica.write(
                epoch,
                op.entry.wseq(),
                model.told(),
                block,
                count,
                data,
                0,
                changing("write", model, op),
                op.entry.wseq());
        data.release();
    }

    private Replica.Done changing(String what, StoreModel model, StoreModelOp op) {
        return sim.done(what, status -> {
            switch (status) {
                case OK -> model.completed(op);
                case NO_SPACE, BUSY -> model.refused(op);
                case UNAVAILABLE -> aborted(what, model, op);
                case DISK_FAILED -> sim.trace.event(sim.clock.nanos(), 0, "unknown", op.entry.wseq(), 0, 0);
                case CORRUPT, STALE_EPOCH, INVALID, NOT_FOUND, FENCED, CONFLICT ->
                    throw new Violation("contract", what + " of " + op.entry + " ended with " + status);
            }
        });
    }

    /** Its data could not be written, and the store made that it never happened. */
    private void aborted(String what, StoreModel model, StoreModelOp op) {
        if (sim.faults.struck(Fault.DISK_WRITE_ERROR) == 0) {
            throw new Violation("contract", what + " of " + op.entry + " ended with UNAVAILABLE on a healthy disk");
        }
        model.aborted(op);
    }

    private void zero(StoreModel model, Replica replica) {
        int count = Math.min(1 + random.below(2 * largest), model.blocks());
        int block = place(model, count);
        if (!model.free(block, count)) {
            sim.clock.step();
            return;
        }
        boolean unmap = random.nextBoolean();
        long epoch = model.newest().epoch();
        StoreModelOp op = new StoreModelOp(
                new TailEntry(epoch, model.takeWseq(), unmap ? Kind.UNMAP : Kind.ZERO, block, count), 0, false);
        model.submit(op);
        replica.zero(
                epoch,
                op.entry.wseq(),
                model.told(),
                block,
                count,
                unmap,
                changing("zero", model, op),
                op.entry.wseq());
    }

    private void resize(StoreModel model, Replica replica) {
        // A lying disk may forget a new size, which the model could not tell from a refusal.
        if (!model.idle() || model.blocks() > 4 * EXTENT || sim.lying()) {
            return;
        }
        long epoch = model.newest().epoch();
        int blocks = Math.max(1, model.blocks() + random.below(2 * EXTENT) - EXTENT);
        StoreModelOp op = new StoreModelOp(new TailEntry(epoch, model.takeWseq(), Kind.RESIZE, blocks, 0), 0, false);
        model.submit(op);
        replica.resize(epoch, op.entry.wseq(), model.told(), blocks, changing("resize", model, op), op.entry.wseq());
    }

    private void configure(StoreModel model, Replica replica) {
        Configuration old = model.newest();
        boolean older = random.below(8) == 0 && old.epoch() > 1;
        Configuration next = older ? withEpoch(old, old.epoch() - 1) : withEpoch(old, old.epoch() + 1);
        if (!older) {
            model.configuring(next);
            model.skipWseqs(65_536);
        }
        replica.configure(
                next,
                sim.done("configure", status -> {
                    if (older) {
                        queries.expect(status, "configure with an older epoch", Status.STALE_EPOCH, Status.DISK_FAILED);
                    } else if (queries.expect(status, "configure", Status.OK, Status.DISK_FAILED) == Status.OK) {
                        model.configured(next);
                        if (replica.configuration().epoch() < next.epoch()) {
                            throw new Violation("I3", "configure completed and its epoch is not there");
                        }
                    }
                }),
                next.epoch());
    }

    private Configuration withEpoch(Configuration old, long epoch) {
        return new Configuration(
                old.volume(),
                old.name(),
                old.storeTerm(),
                epoch,
                new UUID(random.nextLong(), 2),
                old.owner(),
                old.inSync(),
                old.syncing(),
                old.outOfSync(),
                old.minInSync(),
                old.sizeBytes(),
                old.attachId(),
                old.formatted(),
                old.deleted());
    }

    private void resync(StoreModel model, Replica replica, DiskId disk) {
        long extent = random.below(model.blocks()) / EXTENT;
        int first = (int) extent * EXTENT;
        int most = Math.min(EXTENT, model.blocks() - first);
        int count = 1 + random.below(Math.min(most, largest));
        int block = first + random.below(most - count + 1);
        if (!model.free(block, count)) {
            return;
        }
        boolean inSync = model.newest().inSync().contains(disk);
        long epoch = model.newest().epoch();
        StoreModelOp op = new StoreModelOp(
                new TailEntry(epoch, model.takeWseq(), Kind.WRITE, block, count), sim.newStamp(), true);
        ExtentContent content = content(op);
        Buffer data = sim.buffer(count);
        int mapped = 0;
        for (int i = 0; i < count; i++) {
            if (content.states()[i] == BlockState.DATA) {
                Stamps.put(data, mapped++, op.value(i));
            }
        }
        data.seal(0, mapped);
        if (!inSync) {
            model.submit(op);
        }
        Replica.Done done = inSync
                ? sim.done(
                        "resync",
                        status -> queries.expect(
                                status, "resync of an in-sync replica", Status.INVALID, Status.DISK_FAILED))
                : changing("resync", model, op);
        replica.resync(epoch, block, count, content, mapped == 0 ? null : data, 0, op.entry.wseq(), done, block);
        data.release();
    }

    private ExtentContent content(StoreModelOp op) {
        int count = op.entry.count();
        BlockState[] states = new BlockState[count];
        int[] crcs = new int[count];
        int[] lows = new int[count];
        for (int i = 0; i < count; i++) {
            long value = op.value(i);
            states[i] = value != 0 ? BlockState.DATA : BlockState.ZERO;
            crcs[i] = sim.stamps.crc(value);
            lows[i] = (int) (op.wseqOf(i) & 0xff_ffff);
        }
        return new ExtentContent(states, crcs, lows, op.entry.wseq());
    }

    /** An operation of an earlier epoch that this replica lacks. */
    private void rollForward(StoreModel model, Replica replica) {
        int count = 1 + random.below(Math.min(largest, model.blocks()));
        int block = place(model, count);
        if (!model.free(block, count)) {
            return;
        }
        long epoch = model.newest().epoch();
        long ofEpoch = Math.max(1, epoch - random.below(2));
        StoreModelOp op = new StoreModelOp(
                new TailEntry(ofEpoch, model.takeWseq(), Kind.WRITE, block, count), sim.newStamp(), false);
        Buffer data = sim.stamped(op);
        model.submit(op);
        replica.rollForward(
                epoch, op.entry, model.told(), data, 0, changing("roll forward", model, op), op.entry.wseq());
        data.release();
    }
}
