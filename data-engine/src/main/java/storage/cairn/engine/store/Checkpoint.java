package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BufferPool;

/**
 * Writes checkpoints: puts what the overlay gathered into pages and moves the point that a recovery replays from.
 *
 * <p>The states of one: <i>cut</i>: K is the last sealed block, the overlay is frozen, and records of later blocks go
 * to a new one; <i>waiting</i> until all records up to K are stable and published into the frozen one, so that it holds
 * exactly these (invariant I32); <i>ordering</i> the extents; <i>merging</i> them into new pages, volume by volume;
 * <i>freeing</i> what deleted volumes had; the <i>catalog</i>; the allocation <i>map</i>; the <i>superblocks</i> with their
 * flushes; <i>done</i>: the new pages count, the frozen overlay is dropped, the ring is released up to K; and when no
 * reader from before is left, the slots that only the former checkpoint referred to are free. Writes go on throughout.
 */
final class Checkpoint {
    private final Disk disk;
    private final SlotAllocator allocator;
    private final Mappings mappings;
    private final PageCache cache;
    private final Replicas replicas;
    private final Readers readers;
    private final PageWriter writer;
    private final Mem path;
    private final Superblocks superblocks;
    private final Runnable wake;

    private Superblock last;
    private long sequence;
    private PageList map;
    private PageList catalog;

    private boolean running;
    private boolean merging;
    private boolean pendingRelease;
    private long releaseStamp;
    private long cut;
    private int cutCrc;
    private int runId;
    private boolean clean;
    private long startedNanos;
    private List<StoredReplica> doomed = new ArrayList<>();
    private @Nullable ExtentOrder order;
    private @Nullable ListWriter lists;
    private byte[] stream = {};
    private @Nullable Runnable then;

    /** @param last the superblock that counts; {@code sequence}: the highest on any copy */
    Checkpoint(
            Disk disk,
            SlotAllocator allocator,
            Mappings mappings,
            PageCache cache,
            Replicas replicas,
            Readers readers,
            Superblocks superblocks,
            BufferPool pool,
            Runnable wake,
            Superblock last,
            long sequence,
            PageList map,
            PageList catalog)
            throws StoreException {
        this.disk = disk;
        this.allocator = allocator;
        this.mappings = mappings;
        this.cache = cache;
        this.replicas = replicas;
        this.readers = readers;
        this.superblocks = superblocks;
        this.writer = new PageWriter(disk, allocator, pool);
        this.path = TreeMerge.pathMemory(pool);
        this.wake = wake;
        this.last = last;
        this.sequence = sequence;
        this.map = map;
        this.catalog = catalog;
    }

    boolean running() {
        return running;
    }

    /** Whether another may start: the slots that the one before set free are free. */
    boolean ready() {
        return !running && !pendingRelease;
    }

    /**
     * Up to which journal block what was unmapped is out of use, of what is stable. While a checkpoint is made it ends at
     * the cut: what a later record unmapped was mapped behind the cut, a replay behind this checkpoint maps it once more,
     * and so it must not become one of its pages (invariant I19).
     */
    long outOfUseThrough(long stableThrough) {
        return running ? Math.min(stableThrough, cut) : stableThrough;
    }

    Superblock last() {
        return last;
    }

    /**
     * Makes the cut.
     *
     * @param blockSeq last sealed block, {@code crc} its checksum
     * @param run that later blocks belong to
     * @param markClean whether nothing will follow and no lease is granted
     * @param next runs when it is durable
     */
    void start(long blockSeq, int crc, int run, boolean markClean, Runnable next) {
        if (!ready()) {
            throw new IllegalStateException("two checkpoints at once");
        }
        running = true;
        merging = false;
        cut = blockSeq;
        cutCrc = crc;
        runId = run;
        clean = markClean;
        then = next;
        startedNanos = disk.clock.nanos();
        for (StoredReplica replica : replicas.all()) {
            replica.cut();
        }
        mappings.freeze(blockSeq);
        order = null;
    }

    /** Called at the end of each event with what is stable and published by now. */
    void turn(long stableThrough) {
        if (running && !merging && stableThrough >= cut && !disk.failed()) {
            merging = true;
            Overlay frozen = mappings.frozen();
            if (frozen == null) {
                throw new IllegalStateException("a cut without an overlay");
            }
            order = new ExtentOrder(frozen);
            prepare();
        }
        releasePending();
    }

    private void clearSpare() {
        if (mappings.clearSpare()) {
            disk.clock.execute(this::clearSpare);
        }
    }

    private void releasePending() {
        if (pendingRelease && readers.gone(releaseStamp)) {
            pendingRelease = false;
            allocator.releasePending();
        }
    }

    private void prepare() {
        ExtentOrder o = order;
        Overlay frozen = mappings.frozen();
        if (disk.failed() || o == null || frozen == null) {
            return;
        }
        if (!o.prepare()) {
            disk.clock.execute(this::prepare);
            return;
        }
        new TreeMerge(
                        disk,
                        allocator,
                        cache,
                        writer,
                        frozen,
                        o,
                        replicas,
                        cut,
                        last.checkpointId() + 1,
                        path,
                        this::merged)
                .run();
    }

    private void merged() {
        doomed = new ArrayList<>();
        for (StoredReplica replica : replicas.all()) {
            if (replica.deletedBefore(cut)) {
                doomed.add(replica);
            }
        }
        free(0);
    }

    private void free(int next) {
        if (next < doomed.size()) {
            new TreeFree(disk, allocator, cache, path, writer.mem(), doomed.get(next), () -> free(next + 1)).run();
            return;
        }
        ListWriter writing = new ListWriter(disk, allocator, writer, map, last.checkpointId() + 1, this::written);
        lists = writing;
        // Only now are the new roots known; configurations, sizes and tails are those of the cut all the same.
        stream = Catalog.encode(replicas, cut);
        writing.writeCatalog(stream, catalog, writing::writeMap);
    }

    private void written() {
        ListWriter writing = lists;
        if (writing == null) {
            throw new IllegalStateException("a checkpoint without its lists");
        }
        catalog = writing.catalog();
        sequence++;
        Superblock next = new Superblock(
                last.label(),
                sequence,
                runId,
                last.layout(),
                cut + 1,
                cutCrc,
                clean,
                catalog.root(),
                stream.length,
                map.root(),
                last.checkpointId() + 1,
                allocator.inPages());
        superblocks.write(next, () -> durable(next));
    }

    private void durable(Superblock written) {
        last = written;
        mappings.thaw();
        clearSpare();
        for (StoredReplica replica : replicas.all()) {
            if (replica.deletedBefore(cut)) {
                replicas.forget(replica);
            } else if (replica.inCheckpoint(cut)) {
                replica.adoptRoot();
            }
        }
        running = false;
        pendingRelease = true;
        releaseStamp = readers.stamp();
        releasePending();
        disk.metrics.checkpoints++;
        disk.metrics.lastCheckpointNanos = disk.clock.nanos() - startedNanos;
        Runnable next = then;
        then = null;
        if (next != null) {
            next.run();
        }
        wake.run();
    }

    void release() {
        writer.mem().release();
        path.release();
        superblocks.release();
    }
}
