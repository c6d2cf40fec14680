package storage.cairn.engine.sim;

import java.util.List;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.Kind;
import storage.cairn.engine.store.Replica.TailEntry;

/** What a {@link StoreSim} asks of its store that must change nothing: repetitions, and what is to be refused. */
final class StoreRefusals {
    private final StoreSim sim;
    private final SimRandom random;
    private final StoreQueries queries;

    StoreRefusals(StoreSim sim, SimRandom random, StoreQueries queries) {
        this.sim = sim;
        this.random = random;
        this.queries = queries;
    }

    /** A resend of something applied: OK, and nothing changes. */
    void again(StoreModel model, Replica replica) {
        StoreModelOp op = recent(model, replica);
        if (op == null) {
            return;
        }
        TailEntry entry = op.entry;
        Buffer data = entry.kind() == Kind.WRITE ? sim.stamped(op) : null;
        Replica.Done done =
                sim.done("resend", status -> queries.expect(status, "resend", Status.OK, Status.DISK_FAILED));
        replica.rollForward(model.newest().epoch(), entry, model.told(), data, 0, done, entry.wseq());
        if (data != null) {
            data.release();
        }
    }

    /** Something applied lately, above commitSeq, that changed blocks; or null. */
    private @org.jspecify.annotations.Nullable StoreModelOp recent(StoreModel model, Replica replica) {
        List<StoreModelOp> applied = model.applied();
        if (applied.isEmpty()) {
            return null;
        }
        StoreModelOp op = applied.get(applied.size() - 1 - random.below(Math.min(applied.size(), 20)));
        return op.entry.wseq() <= replica.commitSeq() || op.entry.kind() == Kind.RESIZE ? null : op;
    }

    /** What must be refused, and change nothing. */
    void refused(StoreModel model, Replica replica) {
        switch (random.below(7)) {
            case 0, 1 -> impossible(model, replica);
            case 2, 3 -> ofThePast(model, replica);
            case 4 -> repairOfSomethingElse(model, replica);
            case 5 -> numberTakenTwice(model, replica);
            default -> behindLater(model, replica);
        }
    }

    private Buffer foreign(int blocks) {
        Buffer data = sim.buffer(blocks);
        for (int i = 0; i < blocks; i++) {
            Stamps.put(data, i, sim.newStamp());
        }
        data.seal(0, blocks);
        return data;
    }

    /** Data that do not match their checksum, and blocks behind the end. */
    private void impossible(StoreModel model, Replica replica) {
        long epoch = model.newest().epoch();
        long wseq = model.takeWseq();
        Buffer data = foreign(2);
        if (random.nextBoolean()) {
            data.bytes().put(random.below(8192), (byte) 0x55);
            data.crc(0, data.crc(0) + 1);
            replica.write(epoch, wseq, model.told(), 0, 2, data, 0, only(Status.CORRUPT), wseq);
        } else {
            long behind = model.blocks() + Replica.EXTENT_BLOCKS * 8L;
            replica.write(epoch, wseq, model.told(), behind, 2, data, 0, only(Status.INVALID), wseq);
        }
        data.release();
    }

    /** Operations of an owner that is no more. */
    private void ofThePast(StoreModel model, Replica replica) {
        long epoch = model.newest().epoch() - 1;
        long wseq = model.takeWseq();
        Buffer data = foreign(2);
        switch (random.below(3)) {
            case 0 -> replica.write(epoch, wseq, model.told(), 0, 2, data, 0, only(Status.STALE_EPOCH), wseq);
            case 1 -> replica.zero(epoch, wseq, model.told(), 0, 1, false, only(Status.STALE_EPOCH), wseq);
            default -> replica.repair(epoch, 0, 1, data, 0, only(Status.STALE_EPOCH), wseq);
        }
        data.release();
    }

    /** A repair whose content is not what the block maps to. */
    private void repairOfSomethingElse(StoreModel model, Replica replica) {
        int block = random.below(Math.min(64, model.blocks()));
        Buffer data = foreign(1);
        replica.repair(
                model.newest().epoch(),
                block,
                1,
                data,
                0,
                sim.done(
                        "refused",
                        status -> queries.expect(
                                status,
                                "a repair with other content",
                                Status.CONFLICT,
                                Status.BUSY,
                                Status.STALE_EPOCH,
                                Status.DISK_FAILED)),
                block);
        data.release();
    }

    /** Another owner took the number of an entry that this replica holds: not the same write, and no duplicate. */
    private void numberTakenTwice(StoreModel model, Replica replica) {
        StoreModelOp op = recent(model, replica);
        long epoch = model.newest().epoch();
        if (op == null || op.entry.epoch() == epoch) {
            return;
        }
        TailEntry entry = op.entry;
        Buffer data = foreign(1);
        replica.write(epoch, entry.wseq(), model.told(), entry.block(), 1, data, 0, only(Status.INVALID), entry.wseq());
        data.release();
    }

    /** A write that comes after a later one of the same blocks. */
    private void behindLater(StoreModel model, Replica replica) {
        StoreModelOp op = recent(model, replica);
        if (op == null || model.knows(op.entry.wseq() - 1) || op.entry.wseq() - 1 <= model.told()) {
            return;
        }
        long wseq = op.entry.wseq() - 1;
        Buffer data = foreign(1);
        replica.write(
                model.newest().epoch(), wseq, model.told(), op.entry.block(), 1, data, 0, only(Status.INVALID), wseq);
        data.release();
    }

    private Replica.Done only(Status wanted) {
        return sim.done(
                "refused", status -> queries.expect(status, "what must be " + wanted, wanted, Status.DISK_FAILED));
    }
}
