package storage.cairn.engine.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;

/**
 * Brings a disk from whatever a crash left to a state in which it may be served.
 *
 * <p>The steps: the superblock copies are read, those that lag are rewritten and flushed; the allocation map and the
 * catalog are read; the journal is read and replayed up to the watermark; the records above it are verified and applied
 * or dropped; a flush makes what was verified durable, so that a second crash finds the same; and a checkpoint past the
 * last block ends it. Nothing is allocated for anything else, and nothing acked, before that is durable.
 */
final class Recovery {
    private static final int RING_MEMS = 4;

    private final ExtentStore store;
    private final Disk disk;
    private final SlotAllocator allocator;
    private final Replicas replicas;
    private final Publisher publisher;
    private final Superblocks superblocks;
    private final Mem[] mems;
    private final BlockDevice.Completion flushed = this::flushed;
    private final long startedNanos;
    private @Nullable Superblock superblock;
    private @Nullable PageList map;
    private @Nullable PageList catalog;
    private @Nullable JournalScan scan;
    private @Nullable Replay replay;
    private @Nullable Verification verification;
    private long sequence;
    private byte[] stream = {};

    Recovery(
            ExtentStore store,
            Disk disk,
            SlotAllocator allocator,
            Replicas replicas,
            Publisher publisher,
            Superblocks superblocks,
            BufferPool pool)
            throws StoreException {
        this.store = store;
        this.disk = disk;
        this.allocator = allocator;
        this.replicas = replicas;
        this.publisher = publisher;
        this.superblocks = superblocks;
        this.startedNanos = disk.clock.nanos();
        this.mems = new Mem[RING_MEMS + Replay.WINDOW / PageWriter.PAGES];
        int taken = 0;
        try {
            for (; taken < mems.length; taken++) {
                mems[taken] = Mem.acquire(pool, PageWriter.PAGES);
            }
        } catch (StoreException e) {
            for (int i = 0; i < taken; i++) {
                mems[i].release();
            }
            throw e;
        }
    }

    void run() {
        superblocks.read(() -> guarded(this::chooseSuperblock));
    }

    private interface Step {
        void run() throws StoreException;
    }

    private void guarded(Step step) {
        try {
            step.run();
        } catch (StoreException problem) {
            fail(problem);
        }
    }

    private void fail(StoreException problem) {
        release();
        store.openFailed(problem.getMessage() == null ? "unknown" : problem.getMessage());
    }

    private void release() {
        for (Mem mem : mems) {
            mem.release();
        }
    }

    private Superblock superblock() {
        Superblock s = superblock;
        if (s == null) {
            throw new IllegalStateException("no superblock yet");
        }
        return s;
    }

    private void chooseSuperblock() throws StoreException {
        Superblock newest = superblocks.newest();
        sequence = superblocks.highestSequence();
        superblock = newest;
        store.recognised(newest.label());
        superblocks.rewrite(newest, () -> guarded(this::readMap));
    }

    private void readMap() throws StoreException {
        Superblock s = superblock();
        if (s.allocation().pages() != 0 && s.allocation().pages() != allocator.chunks()) {
            throw new StoreException(
                    "the allocation map has " + s.allocation().pages() + " pages instead of " + allocator.chunks());
        }
        ListReader reader = new ListReader(
                disk,
                mems[0],
                s.allocation(),
                "allocation",
                (number, mem, page) -> allocator.decode(number, mem, page),
                problem -> afterList(problem, this::readCatalog));
        map = s.allocation().pages() == 0 ? new PageList(allocator.chunks()) : reader.list();
        reader.run();
    }

    private void afterList(@Nullable StoreException problem, Step next) {
        if (problem != null) {
            fail(problem);
        } else {
            guarded(next);
        }
    }

    private void readCatalog() throws StoreException {
        Superblock s = superblock();
        if (allocator.inPages() != s.slotsInUse()) {
            throw new StoreException("the allocation map has " + allocator.inPages()
                    + " slots in use, the superblock says " + s.slotsInUse() + ": the disk is damaged; replace it");
        }
        if (s.catalogBytes() > Integer.MAX_VALUE - 64) {
            throw new StoreException("a catalog of " + s.catalogBytes() + " bytes");
        }
        stream = new byte[(int) s.catalogBytes()];
        ListReader reader = new ListReader(
                disk,
                mems[0],
                s.catalog(),
                "catalog",
                (number, mem, page) -> Catalog.decodePage(stream, number, mem, page),
                problem -> afterList(problem, this::restoreReplicas));
        catalog = reader.list();
        reader.run();
    }

    /** A list whose pages the allocation map takes for free would be overwritten, or given back twice. */
    private void requireInUse(@Nullable PageList list, String what) throws StoreException {
        for (int level = 0; list != null && level < list.levels(); level++) {
            for (int number = 0; number < list.size(level); number++) {
                long slot = list.slot(level, number);
                if (slot != 0 && !allocator.isPage(slot)) {
                    throw new StoreException(what + " page " + number + " of level " + level + " is at block " + slot
                            + ", which is free by the allocation map: the disk is damaged; replace it");
                }
            }
        }
    }

    private void restoreReplicas() throws StoreException {
        Superblock s = superblock();
        requireInUse(map, "allocation");
        requireInUse(catalog, "catalog");
        if (stream.length > 0) {
            Catalog.Content content = Catalog.decode(stream, disk.layout);
            for (Catalog.Volume volume : content.volumes()) {
                StoredReplica replica = new StoredReplica(store, volume.number(), volume.configuration());
                replica.restore(volume.blocks(), volume.commitSeq(), volume.highestWseq(), volume.damaged());
                replica.root(volume.rootSlot(), volume.rootCrc());
                for (Replica.TailEntry entry : volume.tail()) {
                    replica.applied(entry.epoch(), entry.wseq(), entry.kind(), entry.block(), entry.count(), 0);
                }
                replicas.add(replica, 0);
            }
            replicas.nextNumber(content.nextNumber());
        }
        Mem[] window = Arrays.copyOfRange(mems, RING_MEMS, mems.length);
        Replay applying = new Replay(store, disk, allocator, replicas, publisher, window, s.replayFrom());
        replay = applying;
        JournalScan scanning = new JournalScan(disk, Arrays.copyOf(mems, RING_MEMS), s, applying::block, this::scanned);
        scan = scanning;
        scanning.run();
    }

    private void scanned(@Nullable StoreException problem) {
        Replay applying = replay;
        if (problem != null || applying == null) {
            fail(problem == null ? new StoreException("no replay") : problem);
            return;
        }
        guarded(() -> {
            Verification verifying = new Verification(disk, applying, mems[0], () -> guarded(this::verified));
            verification = verifying;
            verifying.run();
        });
    }

    private void verified() throws StoreException {
        Replay applying = replay;
        if (applying != null) {
            applying.applyKept(verification);
        }
        // What was verified may be in the disk's cache only. The checkpoint's pages may take the slots it replaced.
        disk.metrics.flushes++;
        disk.device.flush(flushed, 0);
    }

    private void flushed(long unused, int errno) {
        Superblock s = superblock;
        JournalScan scanned = scan;
        PageList allocation = map;
        PageList volumes = catalog;
        if (errno != 0 || s == null || scanned == null || allocation == null || volumes == null) {
            fail(new StoreException("flush failed with errno " + errno + ": replace the disk"));
            return;
        }
        Verification verified = verification;
        for (StoredReplica replica : replicas.live()) {
            if (scanned.damaged() || (verified != null && verified.doubtful(replica.number()))) {
                replica.damage();
            }
        }
        release();
        disk.metrics.recoveryNanos = disk.clock.nanos() - startedNanos;
        store.recovered(s, sequence, allocation, volumes, scanned.highestSeen(), scanned.lastCrc());
    }
}
