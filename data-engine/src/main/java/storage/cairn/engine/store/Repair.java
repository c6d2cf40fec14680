package storage.cairn.engine.store;

import storage.cairn.engine.port.Status;

/**
 * Rewrites the blocks of a range whose mapping is still the one that went bad (invariant I27), one stretch after the
 * other. Writes to the range wait meanwhile, so that nothing comes between the comparison and the record.
 */
final class Repair implements Replica.Done {
    private final Mutator mutator;
    private final Lookups lookups;
    private final Lookup lookup;
    private final StoredReplica replica;
    private int position;
    private boolean conflict;

    Repair(Mutator mutator, Lookups lookups, Lookup lookup) {
        this.mutator = mutator;
        this.lookups = lookups;
        this.lookup = lookup;
        this.replica = lookup.replica();
    }

    void next() {
        if (!replica.serving()) {
            finish(Status.DISK_FAILED);
            return;
        }
        while (position < lookup.count && !lookup.repairable(position)) {
            conflict = true;
            position++;
        }
        if (position >= lookup.count) {
            finish(conflict ? Status.CONFLICT : Status.OK);
            return;
        }
        int end = position + 1;
        while (end < lookup.count && end - position < JournalRecord.MAX_MAP_BLOCKS && lookup.repairable(end)) {
            end++;
        }
        int from = position;
        position = end;
        if (!mutator.repair(lookup, from, end - from, this)) {
            finish(Status.BUSY);
        }
    }

    @Override
    public void done(long tag, Status status) {
        if (status == Status.OK) {
            next();
        } else {
            finish(status);
        }
    }

    private void finish(Status status) {
        replica.repairs().remove(lookup.block, lookup.count);
        mutator.releaseHeld(replica);
        lookups.repaired(lookup, status);
    }
}
