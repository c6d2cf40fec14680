package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.Status;

/** Tells the states of a range that is longer than one lookup, one lookup after the other. */
final class StatesInquiry implements Replica.BlockStates {
    private final Lookups lookups;
    private final StoredReplica replica;
    private final long end;
    private final Replica.BlockStates done;
    private final long tag;
    private final List<Replica.BlockState> states;
    private long next;

    StatesInquiry(Lookups lookups, StoredReplica replica, long block, int count, Replica.BlockStates done, long tag) {
        this.lookups = lookups;
        this.replica = replica;
        this.next = block;
        this.end = block + count;
        this.done = done;
        this.tag = tag;
        this.states = new ArrayList<>(count);
    }

    /** Starts the next lookup; false when too many are under way. */
    boolean start() {
        int count = (int) Math.min(Replica.EXTENT_BLOCKS, end - next);
        Lookup lookup = lookups.acquire(Lookup.Kind.STATES, next, count);
        if (lookup == null) {
            return false;
        }
        next += count;
        lookup.statesDone = this;
        lookups.start(lookup, replica, null);
        return true;
    }

    @Override
    public void done(long unused, Status status, List<Replica.BlockState> part) {
        if (status != Status.OK) {
            done.done(tag, status, List.of());
            return;
        }
        states.addAll(part);
        if (next == end) {
            done.done(tag, Status.OK, states);
        } else if (!start()) {
            done.done(tag, Status.BUSY, List.of());
        }
    }
}
