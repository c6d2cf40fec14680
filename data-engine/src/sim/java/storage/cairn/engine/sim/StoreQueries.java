package storage.cairn.engine.sim;

import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.ReplicaStore;

/** What a {@link StoreSim} asks of its store without changing it, and how the answers are judged. */
final class StoreQueries {
    private static final int EXTENT = Replica.EXTENT_BLOCKS;

    private final StoreSim sim;
    private final SimRandom random;

    StoreQueries(StoreSim sim, SimRandom random) {
        this.sim = sim;
        this.random = random;
    }

    /** Reads and describes everything. */
    void verifyAll(ReplicaStore store) {
        for (StoreModel model : sim.models) {
            Replica replica =
                    Objects.requireNonNull(store.replica(model.configuration().volume()));
            for (int block = 0; block < model.blocks(); block += EXTENT) {
                read(model, replica, block, EXTENT);
                describe(model, replica, block / EXTENT);
            }
            changed(model, replica, 0);
            changed(model, replica, model.told());
        }
    }

    void read(StoreModel model, Replica replica, int block, int most) {
        int count = Math.min(most, model.blocks() - block);
        Buffer into = sim.buffer(count);
        StoreModelRead read = model.reading(block, count);
        replica.read(
                block,
                count,
                into,
                0,
                sim.done("read", status -> {
                    if (status == Status.OK) {
                        check(model, read, into, count);
                    } else {
                        expectReadError(
                                model, status, "read of " + count + " blocks at " + block + " of " + model.name());
                        mend(model, replica, block, count, status);
                    }
                    model.read(read);
                    into.release();
                }),
                block);
    }

    private static void check(StoreModel model, StoreModelRead read, Buffer into, int count) {
        if (into.firstMismatch(0, count) >= 0) {
            throw new Violation("I23", "a read of " + model.name() + " gave data that do not match their checksums");
        }
        for (int i = 0; i < count; i++) {
            model.check(read, i, Stamps.get(into, i));
        }
    }

    private void expectReadError(StoreModel model, Status status, String what) {
        if (status == Status.BUSY || (status == Status.NOT_FOUND && model.isDeleting())) {
            return;
        }
        boolean excused = sim.lying() || sim.faults.struck(Fault.DISK_READ_ERROR) > 0;
        boolean failed = status == Status.DISK_FAILED && sim.faults.struckOfDisk() > 0;
        if (!failed && (!excused || (status != Status.CORRUPT && status != Status.DISK_FAILED))) {
            throw new Violation("I23", what + " ended with " + status);
        }
    }

    /** A block that reads as bad is repaired, as another replica would have it done. */
    private void mend(StoreModel model, Replica replica, int block, int count, Status status) {
        if (status != Status.CORRUPT || count > 1 || model.hasAlternative(block) || model.value(block) == 0) {
            return;
        }
        Buffer data = sim.buffer(1);
        Stamps.put(data, 0, model.value(block));
        data.seal(0, 1);
        replica.repair(
                model.newest().epoch(),
                block,
                1,
                data,
                0,
                sim.done(
                        "repair",
                        ended -> expect(
                                ended,
                                "repair",
                                Status.OK,
                                Status.CONFLICT,
                                Status.DISK_FAILED,
                                Status.STALE_EPOCH,
                                Status.NO_SPACE,
                                Status.BUSY)),
                block);
        data.release();
    }

    void describe(StoreModel model, Replica replica, long extent) {
        if (!model.idle()) {
            return;
        }
        StoreSim.Answer answer = sim.ask();
        long before = model.changes();
        replica.describe(
                extent,
                (tag, status, content) -> {
                    if (!answer.counts()) {
                        return;
                    }
                    if (status != Status.OK || content == null) {
                        expectReadError(model, status, "describe of extent " + extent);
                    } else if (model.idle() && model.changes() == before) {
                        model.checkExtent(extent, content, sim.stamps, sim.mayBeDamaged());
                    }
                },
                extent);
    }

    void changed(StoreModel model, Replica replica, long sinceSeq) {
        StoreSim.Answer answer = sim.ask();
        long since = Math.max(0, sinceSeq);
        int limit = 1 + random.below(8);
        long before = model.changes();
        replica.changedExtents(
                since,
                0,
                limit,
                (tag, status, extents) -> {
                    if (!answer.counts()) {
                        return;
                    }
                    if (status != Status.OK) {
                        expectReadError(model, status, "changedExtents");
                    } else if (model.changes() == before) {
                        model.checkChanged(since, 0, limit, extents);
                    }
                },
                since);
    }

    void states(StoreModel model, Replica replica) {
        if (!model.idle()) {
            return;
        }
        StoreSim.Answer answer = sim.ask();
        long before = model.changes();
        Consumer<List<BlockState>> check = states -> {
            for (int i = 0; i < model.blocks(); i++) {
                if (model.value(i) != 0 && model.trusts(i) && states.get(i) != BlockState.DATA) {
                    throw new Violation("contract", model.name() + " block " + i + " is said to be " + states.get(i));
                }
            }
        };
        replica.blockStates(
                0,
                model.blocks(),
                (tag, status, states) -> {
                    if (answer.counts() && status == Status.OK && model.changes() == before) {
                        check.accept(states);
                    }
                },
                0);
    }

    void verify(StoreModel model, Replica replica, long extent) {
        StoreSim.Answer answer = sim.ask();
        replica.verify(
                extent,
                (tag, status, bad) -> {
                    if (answer.counts() && (status != Status.OK || bad.length > 0)) {
                        expectReadError(
                                model, status == Status.OK ? Status.CORRUPT : status, "verify of extent " + extent);
                    }
                },
                extent);
    }

    Status expect(Status status, String what, Status... allowed) {
        if (!List.of(allowed).contains(status)) {
            throw new Violation("contract", what + " ended with " + status);
        }
        if (status == Status.DISK_FAILED && sim.faults.struckOfDisk() == 0) {
            throw new Violation("contract", what + " ended with DISK_FAILED on a healthy disk");
        }
        return status;
    }
}
