package storage.cairn.engine.store;

import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Status;

/** The pool of {@link Lookup}s: starts them, and tells whoever asked how they ended. */
final class Lookups {
    private static final long[] NO_BLOCKS = {};

    private final Disk disk;
    private final Mappings mappings;
    private final PageCache cache;
    private final Readers readers;
    private final Completions completions;
    private final BufferPool pool;
    private final Runnable wake;
    private final @Nullable Lookup[] all;
    private final int[] free;
    private int freeCount;
    private int made;
    private @Nullable Mutator mutator;
    private @Nullable Gather gather;

    Lookups(
            Disk disk,
            Mappings mappings,
            PageCache cache,
            Readers readers,
            Completions completions,
            BufferPool pool,
            int most,
            Runnable wake) {
        this.disk = disk;
        this.mappings = mappings;
        this.cache = cache;
        this.readers = readers;
        this.completions = completions;
        this.pool = pool;
        this.wake = wake;
        this.all = new Lookup[most];
        this.free = new int[most];
    }

    void mutator(Mutator changes, Gather gathering) {
        mutator = changes;
        gather = gathering;
    }

    Disk disk() {
        return disk;
    }

    Mappings mappings() {
        return mappings;
    }

    PageCache cache() {
        return cache;
    }

    /** A lookup to be filled in and started, or null when too many are under way. */
    @Nullable
    Lookup acquire(Lookup.Kind kind, long block, int count) {
        Lookup lookup;
        if (freeCount > 0) {
            lookup = all[free[--freeCount]];
        } else if (made < all.length) {
            lookup = new Lookup(made, this);
            all[made++] = lookup;
        } else {
            return null;
        }
        if (lookup == null || lookup.live) {
            throw new IllegalStateException("a lookup that is in use lay in the pool");
        }
        lookup.kind = kind;
        lookup.block = block;
        lookup.count = count;
        lookup.live = true;
        return lookup;
    }

    void start(Lookup lookup, StoredReplica replica, @Nullable Buffer memory) {
        readers.enter(lookup);
        lookup.start(replica, memory);
        wake.run();
    }

    void startScan(Lookup reader, StoredReplica replica, long sinceSeq, long firstExtent, int limit) {
        readers.enter(reader);
        new ExtentScan(this, reader, replica, sinceSeq, firstExtent, limit).walk();
        wake.run();
    }

    void scanned(Lookup reader, long[] extents) {
        Replica.ChangedExtents done = reader.changedDone;
        if (reader.live && done != null) {
            completions.add((tag, ended) -> done.done(tag, ended, extents), reader.tag, Status.OK);
            end(reader);
        }
    }

    /** As {@link #start}, with memory of our own; false when there is none. */
    boolean startWithOwnMemory(Lookup lookup, StoredReplica replica) {
        Buffer memory = pool.acquire(lookup.count * Mem.PAGE);
        if (memory == null) {
            lookup.live = false;
            lookup.reset();
            free[freeCount++] = lookup.index;
            return false;
        }
        start(lookup, replica, memory);
        memory.release();
        return true;
    }

    /** The page of an extent is lost: the next checkpoint writes that down. */
    void extentLost(StoredReplica replica, long extent) {
        Mutator m = mutator;
        if (m != null) {
            m.extentLost(replica, extent);
        }
    }

    void finished(Lookup lookup, Status status) {
        if (!lookup.live) {
            retire(lookup);
            return;
        }
        switch (lookup.kind) {
            case READ -> {
                Replica.Done done = lookup.done;
                disk.metrics.reads++;
                disk.metrics.readBytes += (long) lookup.count * Mem.PAGE;
                if (done != null) {
                    completions.add(done, lookup.tag, status);
                }
                Gather g = gather;
                if (g != null && status == Status.OK) {
                    g.consider(lookup);
                }
            }
            case STATES -> {
                Replica.BlockStates done = lookup.statesDone;
                List<Replica.BlockState> states = lookup.states();
                if (done != null) {
                    completions.add((tag, ended) -> done.done(tag, ended, states), lookup.tag, status);
                }
            }
            case DESCRIBE -> {
                Replica.Described done = lookup.describedDone;
                Replica.ExtentContent content = lookup.content();
                if (done != null) {
                    completions.add((tag, ended) -> done.done(tag, ended, content), lookup.tag, status);
                }
            }
            case VERIFY -> {
                Replica.Verified done = lookup.verifiedDone;
                long[] bad = lookup.badBlocks();
                if (done != null) {
                    completions.add((tag, ended) -> done.done(tag, ended, bad), lookup.tag, Status.OK);
                }
            }
            case RESERVE -> {
                Replica.Done done = lookup.done;
                StoredReplica replica = lookup.replica();
                Status outcome = status;
                if (status == Status.OK) {
                    outcome = replica.reserved(lookup.epoch, lookup.block, lookup.count);
                } else if (status == Status.NO_SPACE) {
                    outcome = replica.notReserved(lookup.count);
                }
                if (done != null) {
                    completions.add(done, lookup.tag, outcome);
                }
            }
            case REPAIR -> {
                Mutator m = mutator;
                if (m == null) {
                    throw new IllegalStateException("a repair before the store is open");
                }
                // It may wait for slots that are not free while a reader from before is left.
                readers.leave(lookup);
                new Repair(m, this, lookup).next();
                wake.run();
                return;
            }
        }
        end(lookup);
    }

    /** A repair ended. */
    void repaired(Lookup lookup, Status status) {
        Gather g = gather;
        if (g != null && lookup.gathers()) {
            g.ended();
        }
        if (lookup.live) {
            Replica.Done done = lookup.done;
            if (done != null) {
                completions.add(done, lookup.tag, status);
            }
            end(lookup);
        }
    }

    private void end(Lookup lookup) {
        lookup.live = false;
        retire(lookup);
        wake.run();
    }

    private void retire(Lookup lookup) {
        if (lookup.reading()) {
            return;
        }
        readers.leave(lookup);
        lookup.reset();
        free[freeCount++] = lookup.index;
    }

    /** The disk failed: everybody hears of it now, the memory comes back when the device is done with it. */
    void failAll() {
        for (int i = 0; i < made; i++) {
            Lookup lookup = all[i];
            if (lookup != null && lookup.live) {
                fail(lookup);
                lookup.live = false;
                if (!lookup.reading()) {
                    readers.leave(lookup);
                    lookup.reset();
                }
            }
        }
        wake.run();
    }

    private void fail(Lookup lookup) {
        Replica.Done done = lookup.done;
        Replica.BlockStates states = lookup.statesDone;
        Replica.Described described = lookup.describedDone;
        Replica.Verified verified = lookup.verifiedDone;
        Replica.ChangedExtents changed = lookup.changedDone;
        if (done != null) {
            completions.add(done, lookup.tag, Status.DISK_FAILED);
        } else if (states != null) {
            completions.add((tag, ended) -> states.done(tag, ended, List.of()), lookup.tag, Status.DISK_FAILED);
        } else if (described != null) {
            completions.add((tag, ended) -> described.done(tag, ended, null), lookup.tag, Status.DISK_FAILED);
        } else if (verified != null) {
            completions.add((tag, ended) -> verified.done(tag, ended, NO_BLOCKS), lookup.tag, Status.DISK_FAILED);
        } else if (changed != null) {
            completions.add((tag, ended) -> changed.done(tag, ended, NO_BLOCKS), lookup.tag, Status.DISK_FAILED);
        }
    }

    boolean idle() {
        return freeCount == made;
    }
}
