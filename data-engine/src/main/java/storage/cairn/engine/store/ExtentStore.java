package storage.cairn.engine.store;

import java.util.Collection;
import java.util.Collections;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * The replicas of one disk: redirect-on-write into slots of 4 KiB, a group-committed journal, checkpoints.
 *
 * <p>Everything runs on one loop. Each event (a call, a completion of the device, a timer) changes the state of the part
 * it belongs to and asks for a <i>turn</i>; a turn, at the end of the event or right after it, lets the journal seal and
 * flush, frees what the quarantine and the last checkpoint held, starts what waited for space, begins a checkpoint when
 * one is due, and then tells the answers. The state machines are described where they live: a change in
 * {@link Mutator}, a commit group in {@link Journal}, a checkpoint in {@link Checkpoint}, opening in {@link Recovery}.
 */
public final class ExtentStore implements ReplicaStore {
    /** Buffers of 64 KiB that the pool had better have beside those for pages: see {@link Gather}. */
    public static final int GATHER_BUFFERS = Gather.MOST_AT_ONCE;

    private enum State {
        OPENING,
        SERVING,
        CLOSING,
        CLOSED
    }

    /** Hears how opening a disk ended, once, on the loop. */
    public interface Opened {
        void opened(ExtentStore store);

        /** Nothing is in flight on the device any more. */
        void failed(String reason);
    }

    /** Hears how formatting a disk ended. */
    public interface Formatted {
        /** @param problem null when the disk is formatted */
        void done(@Nullable String problem);
    }

    private final Disk disk;
    private final BufferPool pool;
    private final Opened opened;
    private final SlotAllocator allocator;
    private final Mappings mappings = new Mappings();
    private final Readers readers = new Readers();
    private final Completions completions = new Completions();
    private final Replicas replicas = new Replicas(this::volumesChanged);
    private final Space space;
    private final PageCache cache;
    private final Lookups lookups;
    private final Quarantine quarantine;
    private final Mutator mutator;
    private final CheckpointPolicy policy;
    private final Superblocks superblocks;
    private final Mem journalMemory;
    private final Creation creation = new Creation(this, replicas);
    private final Runnable turn = this::turn;

    private State state = State.OPENING;
    private @Nullable Label label;
    private @Nullable Journal journal;
    private @Nullable Checkpoint checkpoint;
    private boolean closedClean;
    private boolean turnDue;
    private boolean turning;
    private boolean turnAgain;
    private boolean told;
    private boolean markClean;
    private boolean finalCheckpoint;
    private Replica.@Nullable Done closeDone;
    private long closeTag;

    private ExtentStore(
            BlockDevice device, Clock clock, Layout layout, StoreSettings settings, BufferPool pool, Opened opened)
            throws StoreException {
        this.disk = new Disk(device, clock, layout);
        this.pool = pool;
        this.opened = opened;
        this.allocator = new SlotAllocator(layout);
        this.space = new Space(layout, allocator, mappings);
        this.quarantine = new Quarantine(allocator, readers);
        this.superblocks = new Superblocks(disk, Mem.acquire(pool, Layout.SUPERBLOCKS));
        this.journalMemory = Mem.acquire(pool, Journal.PAGES);
        this.cache = new PageCache(disk, pool, settings.pageCacheBytes());
        this.lookups =
                new Lookups(disk, mappings, cache, readers, completions, pool, settings.maxLookups(), this::wake);
        this.mutator = new Mutator(
                disk,
                allocator,
                space,
                mappings,
                quarantine,
                new Publisher(mappings, quarantine::add, replicas),
                completions,
                settings,
                this::wake);
        this.policy = new CheckpointPolicy(disk, settings, space, mappings, replicas, quarantine, mutator, this::wake);
        this.lookups.mutator(mutator, new Gather(disk, allocator, space, mutator, lookups, pool));
        disk.onFailure(this::diskFailed);
    }

    /** Writes an empty store over whatever the device holds. */
    public static void format(BlockDevice device, Label label, BufferPool pool, Clock clock, Formatted done) {
        Formatter.format(device, label, pool, clock, done);
    }

    /** Opens a formatted disk: recovers it and answers when it may be served. Takes its memory from the pool for good. */
    public static void open(BlockDevice device, Clock clock, StoreSettings settings, BufferPool pool, Opened opened) {
        try {
            Layout layout = Layout.of(device.blocks());
            new ExtentStore(device, clock, layout, settings, pool, opened).recover();
        } catch (StoreException problem) {
            String reason = String.valueOf(problem.getMessage());
            clock.execute(() -> opened.failed(reason));
        }
    }

    private void recover() throws StoreException {
        Publisher.Unmapped atOnce = (slot, blockSeq) -> allocator.releaseOverlay(slot);
        Publisher publisher = new Publisher(mappings, atOnce, replicas);
        new Recovery(this, disk, allocator, replicas, publisher, superblocks, pool).run();
    }

    void openFailed(String reason) {
        if (!told) {
            told = true;
            state = State.CLOSED;
            whenIdle(() -> {
                releaseMemory();
                opened.failed(reason);
            });
        }
    }

    private void whenIdle(Runnable task) {
        if (disk.device.inFlight() == 0) {
            task.run();
        } else {
            disk.clock.after(1_000_000, () -> whenIdle(task));
        }
    }

    void recognised(Label found) {
        label = found;
    }

    /** The journal is replayed: a checkpoint past its last block ends the recovery. */
    void recovered(Superblock last, long sequence, PageList map, PageList catalog, long lastBlock, int lastCrc) {
        closedClean = last.clean();
        try {
            Checkpoint made = new Checkpoint(
                    disk,
                    allocator,
                    mappings,
                    cache,
                    replicas,
                    readers,
                    superblocks,
                    pool,
                    this::wake,
                    last,
                    sequence,
                    map,
                    catalog);
            checkpoint = made;
            made.start(lastBlock, lastCrc, last.runId() + 1, false, () -> serve(made, lastBlock, lastCrc));
            made.turn(lastBlock);
        } catch (StoreException problem) {
            openFailed(String.valueOf(problem.getMessage()));
        }
    }

    private void serve(Checkpoint made, long lastBlock, int lastCrc) {
        int diskLow = (int) made.last().label().disk().uuid().getLeastSignificantBits();
        Journal started =
                new Journal(disk, journalMemory, mutator, made.last().runId(), diskLow, lastBlock + 1, lastCrc);
        journal = started;
        mutator.journal(started);
        state = State.SERVING;
        told = true;
        volumesChanged();
        replicas.live().forEach(StoredReplica::creditsForgotten);
        space.keepForgotten(replicas.live().size());
        disk.clock.execute(() -> opened.opened(this));
    }

    Mutator mutator() {
        return mutator;
    }

    Lookups lookups() {
        return lookups;
    }

    Space space() {
        return space;
    }

    boolean serving() {
        return state == State.SERVING && !disk.failed();
    }

    /** Tells an answer that was found at once; never inside the asking call. */
    void answer(Replica.Done done, long tag, Status status) {
        completions.add(done, tag, status);
        wake();
    }

    void recordCommit(int volume, long commitSeq) {
        Journal j = journal;
        if (j != null) {
            j.commit(volume, commitSeq);
        }
    }

    void shortOfSpace() {
        policy.shortOfSpace();
    }

    private void volumesChanged() {
        long pages = 0;
        long bytes = 0;
        for (StoredReplica replica : replicas.live()) {
            pages += Space.pagesOf(replica.blocks());
            bytes += Catalog.VOLUME_BYTES + ConfigurationCodec.MAX_BYTES + 64L * Catalog.ENTRY_BYTES;
        }
        space.volumes(pages, bytes);
    }

    /** Asks for a turn after the current event. */
    private void wake() {
        if (turning) {
            turnAgain = true;
        } else if (!turnDue) {
            turnDue = true;
            disk.clock.execute(turn);
        }
    }

    private void turn() {
        turnDue = false;
        turning = true;
        Journal j = journal;
        Checkpoint c = checkpoint;
        if (j != null && c != null && !disk.failed()) {
            j.turn();
            quarantine.release(c.outOfUseThrough(j.stableThrough()));
            c.turn(j.stableThrough());
            if (mutator.hasStalled()) {
                mutator.startStalled();
                j.turn();
            }
            considerCheckpoint(j, c);
        }
        turning = false;
        if (turnAgain) {
            turnAgain = false;
            wake();
        }
        completions.tell();
        finishClosing();
    }

    private void considerCheckpoint(Journal j, Checkpoint c) {
        if (!c.ready() || disk.failed()) {
            return;
        }
        space.settled();
        if (state == State.CLOSING && mutator.idle() && j.idle() && !finalCheckpoint) {
            finalCheckpoint = true;
            policy.begin(j, c, markClean);
        } else if (state == State.SERVING || state == State.CLOSING) {
            policy.consider(j, c);
        }
    }

    private void diskFailed() {
        if (state == State.OPENING) {
            openFailed(String.valueOf(disk.failure()));
            return;
        }
        mutator.failAll();
        lookups.failAll();
        disk.clock.execute(turn);
    }

    private void finishClosing() {
        Checkpoint c = checkpoint;
        Replica.Done done = closeDone;
        if (done == null || c == null || state != State.CLOSING) {
            return;
        }
        boolean durable = finalCheckpoint && !c.running() && lookups.idle();
        if ((durable || disk.failed()) && disk.device.inFlight() == 0) {
            state = State.CLOSED;
            closeDone = null;
            releaseMemory();
            policy.cancelTimer();
            done.done(closeTag, disk.failed() ? Status.DISK_FAILED : Status.OK);
        } else if (disk.failed() || durable) {
            disk.clock.after(1_000_000, turn);
        }
    }

    private void releaseMemory() {
        cache.release();
        journalMemory.release();
        Checkpoint c = checkpoint;
        if (c != null) {
            c.release();
        } else {
            superblocks.release();
        }
    }

    @Override
    public DiskId disk() {
        Label l = label;
        if (l == null) {
            throw new IllegalStateException("the disk is not recognised yet");
        }
        return l.disk();
    }

    public Label label() {
        Label l = label;
        if (l == null) {
            throw new IllegalStateException("the disk is not recognised yet");
        }
        return l;
    }

    @Override
    public Collection<? extends Replica> replicas() {
        return Collections.unmodifiableCollection(replicas.live());
    }

    @Override
    public @Nullable Replica replica(VolumeId volume) {
        return replicas.find(volume);
    }

    @Override
    public void create(Configuration configuration, Replica.Done done, long tag) {
        if (!serving()) {
            answer(done, tag, Status.DISK_FAILED);
            return;
        }
        creation.create(configuration, done, tag);
    }

    @Override
    public void delete(VolumeId volume, Replica.Done done, long tag) {
        StoredReplica replica = replicas.find(volume);
        if (!serving() || replica == null) {
            answer(done, tag, serving() ? Status.OK : Status.DISK_FAILED);
            return;
        }
        Mutation m = mutator.acquire(Mutation.Kind.DELETE, replica, done, tag);
        if (m == null) {
            answer(done, tag, Status.BUSY);
            return;
        }
        mutator.submit(m);
    }

    @Override
    public boolean closedClean() {
        return closedClean;
    }

    @Override
    public @Nullable String failure() {
        return disk.failure();
    }

    @Override
    public long capacitySlots() {
        return disk.layout.slots();
    }

    @Override
    public long freeSlots() {
        return Math.max(0, space.available(0));
    }

    @Override
    public void close(boolean grantsOutstanding, Replica.Done done, long tag) {
        if (state != State.SERVING) {
            answer(done, tag, Status.DISK_FAILED);
            return;
        }
        state = State.CLOSING;
        markClean = !grantsOutstanding;
        closeDone = done;
        closeTag = tag;
        wake();
    }

    /** Writes a checkpoint soon, if one is not under way. */
    public void checkpoint() {
        policy.want();
    }

    public StoreMetrics metrics() {
        return disk.metrics;
    }

    /** Mappings since the last checkpoint's cut, the one under way included. */
    public long overlayRecords() {
        return mappings.records();
    }

    /** Slots that wait for their record to be stable, for readers, or for a checkpoint. */
    public long quarantinedSlots() {
        return quarantine.size() + allocator.pending();
    }

    /** Checks the accounts of the slots; throws when they contradict each other. */
    public void invariants() {
        Invariants.check(allocator, mappings, quarantine, capacitySlots());
    }
}
