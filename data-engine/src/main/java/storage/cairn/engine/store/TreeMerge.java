package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;

/**
 * Merges the frozen overlay into the trees of the volumes, as new pages beside the old ones.
 *
 * <p>Extents come in order, so each index page is opened once: its touched extent pages are read together, changed, and
 * written together with the index pages that are left behind. One batch is one index page of the lowest level, at most
 * 126 extents; what is read and written in between lets other work in.
 */
final class TreeMerge extends PageWaiter {
    private static final int BATCH = IndexPage.FANOUT;

    /** Space is scarce when less than this part of the slots is free. */
    private static final int SCARCE = 128;

    /**
     * Reads of a page that the device refuses, for ten seconds: a path to it may be back by then, and what is lost once
     * stays lost, of the only copy of a volume as well.
     */
    private static final int REFUSED_ATTEMPTS = Disk.PAGE_ATTEMPTS + 20;

    private static final long REFUSED_PAUSE_NANOS = 500_000_000;

    private final Disk disk;
    private final SlotAllocator allocator;
    private final PageCache cache;
    private final PageWriter writer;
    private final Overlay overlay;
    private final ExtentOrder order;
    private final Replicas replicas;
    private final long cut;
    private final long checkpointId;
    private final Mem path;
    private final Runnable then;
    private final BlockDevice.Completion pageRead = this::pageRead;

    private @Nullable StoredReplica volume;
    /** Lowest open level; LEVELS + 1: none. */
    private int openLevel = IndexPage.LEVELS + 1;

    private final long[] numbers = new long[IndexPage.LEVELS + 1];
    private final long[] oldSlots = new long[IndexPage.LEVELS + 1];
    private long loadSlot;
    private int loadCrc;
    private final long[] batch = new long[BATCH];
    private final int[] batchPages = new int[BATCH];
    private final boolean[] batchLoaded = new boolean[BATCH];
    private final int[] batchErrno = new int[BATCH];
    private final int[] batchAttempts = new int[BATCH];
    private int batchSize;
    private int reads;

    TreeMerge(
            Disk disk,
            SlotAllocator allocator,
            PageCache cache,
            PageWriter writer,
            Overlay overlay,
            ExtentOrder order,
            Replicas replicas,
            long cut,
            long checkpointId,
            Mem path,
            Runnable then) {
        this.disk = disk;
        this.allocator = allocator;
        this.cache = cache;
        this.writer = writer;
        this.overlay = overlay;
        this.order = order;
        this.replicas = replicas;
        this.cut = cut;
        this.checkpointId = checkpointId;
        this.path = path;
        this.then = then;
    }

    /** Memory that the path of open index pages takes. */
    static Mem pathMemory(BufferPool pool) throws StoreException {
        return Mem.acquire(pool, IndexPage.LEVELS + 1);
    }

    /** Goes on until something must be fetched or written, or all is done. */
    void run() {
        while (!disk.failed()) {
            if (writer.room() < BATCH + 2 * IndexPage.LEVELS) {
                writer.write(this::run);
                return;
            }
            if (order.isEmpty()) {
                closeVolume();
                writer.write(then);
                return;
            }
            long key = order.peek();
            StoredReplica owner = replicas.byNumber(Overlay.volumeOf(key));
            if (owner == null) {
                throw new IllegalStateException(
                        "the overlay knows a volume " + Overlay.volumeOf(key) + " that is gone");
            }
            if (owner.deletedBefore(cut)) {
                discard(order.next());
                continue;
            }
            if (owner != volume) {
                closeVolume();
                volume = owner;
            }
            long extent = Overlay.extentOf(key);
            if (!open(owner, extent)) {
                return;
            }
            gather(owner, extent);
            if (!loadBatch()) {
                return;
            }
            applyBatch();
        }
    }

    /** Opens the index pages above an extent, closing those that are left behind; false while one is being fetched. */
    private boolean open(StoredReplica owner, long extent) {
        for (int level = 1; level <= IndexPage.LEVELS; level++) {
            if (openLevel <= level && numbers[level] != extent / IndexPage.span(level)) {
                closeThrough(level);
            }
        }
        while (openLevel > 1) {
            int level = openLevel - 1;
            long slot;
            int crc;
            if (level == IndexPage.LEVELS) {
                slot = owner.rootSlot();
                crc = owner.rootCrc();
            } else {
                int entry = (int) (extent / IndexPage.span(level) % IndexPage.FANOUT);
                slot = IndexPage.slot(path, level + 1, entry);
                crc = IndexPage.crc(path, level + 1, entry);
            }
            if (slot == 0) {
                IndexPage.init(path, level);
            } else {
                int frame = cache.find(slot, crc);
                if (frame < 0) {
                    loadSlot = slot;
                    loadCrc = crc;
                    cache.load(slot, crc, this);
                    return false;
                }
                path.copy(level, cache.mem(frame), cache.page(frame));
                long number = extent / IndexPage.span(level);
                if (!IndexPage.valid(path, level, owner.number(), level, number, disk.layout)) {
                    failIndex(slot, owner);
                    return false;
                }
            }
            numbers[level] = extent / IndexPage.span(level);
            oldSlots[level] = slot;
            openLevel = level;
        }
        return true;
    }

    @Override
    void pageReady() {
        StoredReplica owner = volume;
        if (disk.failed()) {
            return;
        }
        if (pageLost && owner != null) {
            failIndex(loadSlot, owner);
        } else {
            run();
        }
    }

    private void failIndex(long slot, StoredReplica owner) {
        disk.fail("index page at block " + slot + " (checksum " + Integer.toHexString(loadCrc) + ") of volume "
                + owner.volume() + " is unreadable: replace the disk; its replicas are rebuilt from others");
    }

    private void gather(StoredReplica owner, long extent) {
        long parent = extent / IndexPage.FANOUT;
        batchSize = 0;
        while (!order.isEmpty() && batchSize < BATCH) {
            long key = order.peek();
            if (Overlay.volumeOf(key) != owner.number() || Overlay.extentOf(key) / IndexPage.FANOUT != parent) {
                break;
            }
            batch[batchSize++] = order.next();
        }
    }

    /** Brings the old pages of the batch into the writer's memory; false while some are being read. */
    private boolean loadBatch() {
        reads = 1;
        Mem mem = writer.mem();
        for (int i = 0; i < batchSize; i++) {
            int page = writer.add();
            int entry = entry(i);
            long slot = IndexPage.slot(path, 1, entry);
            batchPages[i] = page;
            batchErrno[i] = 0;
            batchAttempts[i] = 1;
            batchLoaded[i] = slot > ExtentPage.LAST_SPECIAL;
            if (!batchLoaded[i]) {
                ExtentPage.init(mem, page, slot, IndexPage.wseqLow(path, 1, entry));
                continue;
            }
            int frame = cache.find(slot, IndexPage.crc(path, 1, entry));
            if (frame >= 0) {
                mem.copy(page, cache.mem(frame), cache.page(frame));
            } else {
                reads++;
                read(i);
            }
        }
        return --reads == 0;
    }

    private void pageRead(long which, int errno) {
        int i = (int) which;
        int page = batchPages[i];
        boolean good = errno == 0 && writer.mem().crc(page) == IndexPage.crc(path, 1, entry(i));
        if (!good && batchAttempts[i] < Disk.PAGE_ATTEMPTS && !disk.failed()) {
            batchAttempts[i]++;
            read(i);
            return;
        }
        if (errno != 0 && batchAttempts[i] < REFUSED_ATTEMPTS && !disk.failed()) {
            batchAttempts[i]++;
            disk.clock.after(REFUSED_PAUSE_NANOS, () -> {
                if (!disk.failed()) {
                    read(i);
                }
            });
            return;
        }
        batchErrno[i] = errno;
        if (--reads == 0 && !disk.failed()) {
            applyBatch();
            run();
        }
    }

    private void read(int i) {
        disk.device.read(IndexPage.slot(path, 1, entry(i)), 1, writer.mem().buffer(), batchPages[i], pageRead, i);
    }

    private int entry(int i) {
        return (int) (Overlay.extentOf(batch[i]) % IndexPage.FANOUT);
    }

    private void applyBatch() {
        StoredReplica owner = volume;
        if (owner == null) {
            throw new IllegalStateException("a batch of no volume");
        }
        for (int i = 0; i < batchSize && !disk.failed(); i++) {
            apply(owner, i);
        }
        batchSize = 0;
    }

    private void apply(StoredReplica owner, int i) {
        Mem mem = writer.mem();
        int page = batchPages[i];
        int entry = entry(i);
        long oldSlot = IndexPage.slot(path, 1, entry);
        OverlaySegment segment = overlay.segmentOf(batch[i]);
        int extent = segment.findExtent(batch[i]);
        long base = segment.base(extent);
        if (batchLoaded[i]) {
            long number = Overlay.extentOf(batch[i]);
            boolean good = batchErrno[i] == 0
                    && mem.crc(page) == IndexPage.crc(path, 1, entry)
                    && ExtentPage.valid(mem, page, owner.number(), number, disk.layout);
            if (!good) {
                // What it mapped is unknown: its slots stay taken, its blocks read as errors until written again.
                disk.metrics.checksumErrors++;
                ExtentPage.init(mem, page, ExtentPage.LOST, 0);
            }
        }
        if (base == ExtentPage.HOLE || base == ExtentPage.ZERO) {
            for (int b = 0; b < ExtentPage.ENTRIES; b++) {
                replace(mem, page, b, base, 0, owner.generation(), segment.baseWseqLow(extent));
            }
        }
        for (int e = segment.head(extent); e != OverlaySegment.NONE; e = segment.next(e)) {
            int b = (int) segment.key(e) & ExtentPage.ENTRIES - 1;
            replace(mem, page, b, segment.slot(e), segment.crc(e), owner.generation(), segment.wseqLow(e));
        }
        long maxWseq = Math.max(IndexPage.maxWseq(path, 1, entry), segment.maxWseq(extent));
        store(owner, page, entry, oldSlot, Overlay.extentOf(batch[i]), maxWseq);
    }

    private void replace(Mem mem, int page, int index, long slot, int crc, int gen, int wseqLow) {
        long before = ExtentPage.slot(mem, page, index);
        if (before != slot) {
            if (before > ExtentPage.LAST_SPECIAL) {
                allocator.retire(before);
            }
            if (slot > ExtentPage.LAST_SPECIAL) {
                allocator.moveToPages(slot);
            }
        }
        ExtentPage.set(mem, page, index, slot, crc, gen, wseqLow);
    }

    private void store(StoredReplica owner, int page, int entry, long oldSlot, long extent, long maxWseq) {
        Mem mem = writer.mem();
        ExtentPage.maxWseq(mem, page, maxWseq);
        ExtentPage.seal(mem, page, owner.number(), extent, owner.generation(), checkpointId);
        boolean cached = oldSlot > ExtentPage.LAST_SPECIAL && cache.find(oldSlot, IndexPage.crc(path, 1, entry)) >= 0;
        if (oldSlot > ExtentPage.LAST_SPECIAL) {
            allocator.retire(oldSlot);
            cache.drop(oldSlot);
        }
        int mapped = ExtentPage.mapped(mem, page);
        int lost = ExtentPage.lost(mem, page);
        boolean uniform = ExtentPage.uniform(mem, page);
        // Without space for a page of mere zeroes their wseqLows are given up: then a rebuild copies more than it must.
        boolean scarce = mapped == 0 && lost == 0 && allocator.free() < disk.layout.slots() / SCARCE;
        if (uniform || scarce) {
            long state = ExtentPage.zeroes(mem, page) > 0 ? ExtentPage.ZERO : ExtentPage.HOLE;
            IndexPage.set(path, 1, entry, state, IndexPage.FLAG_PRESENT, 0, 0, owner.generation(), maxWseq);
            int wseqLow = uniform ? ExtentPage.wseqLow(mem, page, 0) : (int) maxWseq & 0xff_ffff;
            IndexPage.wseqLow(path, 1, entry, wseqLow);
            return;
        }
        long slot = writer.place(page);
        int crc = mem.crc(page);
        int flags = IndexPage.FLAG_PRESENT | (lost > 0 ? IndexPage.FLAG_LOST : 0);
        IndexPage.set(path, 1, entry, slot, flags, mapped, crc, owner.generation(), maxWseq);
        if (cached && slot > 0) {
            cache.put(slot, crc, mem, page);
        }
    }

    private void closeVolume() {
        if (volume != null) {
            closeThrough(IndexPage.LEVELS);
        }
        volume = null;
    }

    /** Writes the open pages from the lowest level up to {@code top}, each into the entry of the one above. */
    private void closeThrough(int top) {
        StoredReplica owner = volume;
        if (owner == null) {
            throw new IllegalStateException("an open page of no volume");
        }
        for (; openLevel <= top && !disk.failed(); openLevel++) {
            int level = openLevel;
            if (oldSlots[level] != 0) {
                allocator.retire(oldSlots[level]);
                cache.drop(oldSlots[level]);
            }
            long slot = 0;
            int crc = 0;
            boolean empty = IndexPage.empty(path, level);
            if (!empty) {
                IndexPage.seal(path, level, owner.number(), level, numbers[level], checkpointId);
                int page = writer.add();
                writer.mem().copy(page, path, level);
                crc = path.crc(level);
                slot = writer.place(page);
                if (slot > 0) {
                    cache.put(slot, crc, path, level);
                }
            }
            if (level == IndexPage.LEVELS) {
                owner.newRoot(slot, crc);
            } else {
                int entry = (int) (numbers[level] % IndexPage.FANOUT);
                if (empty) {
                    IndexPage.unset(path, level + 1, entry);
                } else {
                    IndexPage.set(
                            path,
                            level + 1,
                            entry,
                            slot,
                            IndexPage.anyFlags(path, level),
                            IndexPage.sumMapped(path, level),
                            crc,
                            owner.generation(),
                            IndexPage.highestWseq(path, level));
                }
            }
        }
    }

    /** An extent of a deleted volume: its overlay slots become free with the checkpoint. */
    private void discard(long key) {
        OverlaySegment segment = overlay.segmentOf(key);
        int entry = segment.head(segment.findExtent(key));
        for (; entry != OverlaySegment.NONE; entry = segment.next(entry)) {
            if (segment.slot(entry) > ExtentPage.LAST_SPECIAL) {
                allocator.retireOverlay(segment.slot(entry));
            }
        }
    }
}
