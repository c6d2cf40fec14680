package storage.cairn.engine.store;

import storage.cairn.engine.port.BlockDevice;

/** Gives back everything that the tree of a deleted volume refers to: pages and data, one index page per step. */
final class TreeFree {
    private static final int BATCH = IndexPage.FANOUT;

    private final Disk disk;
    private final SlotAllocator allocator;
    private final PageCache cache;
    private final Mem path;
    private final Mem leaves;
    private final StoredReplica replica;
    private final Runnable then;
    private final BlockDevice.Completion indexRead = this::indexRead;
    private final BlockDevice.Completion leafRead = this::leafRead;
    private final long[] slots = new long[IndexPage.LEVELS + 1];
    private final int[] crcs = new int[IndexPage.LEVELS + 1];
    private final long[] numbers = new long[IndexPage.LEVELS + 1];
    private final int[] entries = new int[IndexPage.LEVELS + 1];
    private final int[] leafEntries = new int[BATCH];
    private final boolean[] leafGood = new boolean[BATCH];
    private final int[] leafAttempts = new int[BATCH];
    private int level = IndexPage.LEVELS;
    private int leafCount;
    private int reads;
    private int attempts;

    /** @param path as {@link TreeMerge#pathMemory}; {@code leaves}: at least 126 pages that nobody else uses */
    TreeFree(
            Disk disk,
            SlotAllocator allocator,
            PageCache cache,
            Mem path,
            Mem leaves,
            StoredReplica replica,
            Runnable then) {
        this.disk = disk;
        this.allocator = allocator;
        this.cache = cache;
        this.path = path;
        this.leaves = leaves;
        this.replica = replica;
        this.then = then;
    }

    void run() {
        if (replica.rootSlot() == 0) {
            disk.clock.execute(then);
            return;
        }
        read(IndexPage.LEVELS, replica.rootSlot(), replica.rootCrc(), 0);
    }

    private void read(int at, long slot, int crc, long number) {
        level = at;
        slots[at] = slot;
        crcs[at] = crc;
        numbers[at] = number;
        entries[at] = 0;
        attempts = 1;
        disk.device.read(slot, 1, path.buffer(), at, indexRead, slot);
    }

    private void indexRead(long slot, int errno) {
        if (disk.failed()) {
            return;
        }
        boolean good = errno == 0
                && path.crc(level) == crcs[level]
                && IndexPage.valid(path, level, replica.number(), level, numbers[level], disk.layout);
        if (!good && attempts < Disk.PAGE_ATTEMPTS) {
            attempts++;
            disk.device.read(slot, 1, path.buffer(), level, indexRead, slot);
        } else if (!good) {
            disk.fail("index page at block " + slot + " of the deleted volume " + replica.volume()
                    + " is unreadable: replace the disk; its replicas are rebuilt from others");
        } else if (level == 1) {
            readLeaves();
        } else {
            descend();
        }
    }

    /** Goes into the next page below, or up when there is none. */
    private void descend() {
        while (level <= IndexPage.LEVELS) {
            while (entries[level] < IndexPage.FANOUT && IndexPage.slot(path, level, entries[level]) == 0) {
                entries[level]++;
            }
            if (entries[level] < IndexPage.FANOUT) {
                int entry = entries[level]++;
                long number = numbers[level] * IndexPage.FANOUT + entry;
                read(level - 1, IndexPage.slot(path, level, entry), IndexPage.crc(path, level, entry), number);
                return;
            }
            leave();
        }
        disk.clock.execute(then);
    }

    private void leave() {
        allocator.retire(slots[level]);
        cache.drop(slots[level]);
        level++;
    }

    private void readLeaves() {
        leafCount = 0;
        for (int i = 0; i < IndexPage.FANOUT; i++) {
            if (IndexPage.slot(path, 1, i) > ExtentPage.LAST_SPECIAL) {
                leafEntries[leafCount++] = i;
            }
        }
        reads = leafCount;
        if (leafCount == 0) {
            leave();
            descend();
            return;
        }
        for (int i = 0; i < leafCount; i++) {
            leafAttempts[i] = 1;
            disk.device.read(IndexPage.slot(path, 1, leafEntries[i]), 1, leaves.buffer(), i, leafRead, i);
        }
    }

    private void leafRead(long which, int errno) {
        int i = (int) which;
        long extent = numbers[1] * IndexPage.FANOUT + leafEntries[i];
        leafGood[i] = errno == 0
                && leaves.crc(i) == IndexPage.crc(path, 1, leafEntries[i])
                && ExtentPage.valid(leaves, i, replica.number(), extent, disk.layout);
        if (!leafGood[i] && leafAttempts[i] < Disk.PAGE_ATTEMPTS && !disk.failed()) {
            leafAttempts[i]++;
            disk.device.read(IndexPage.slot(path, 1, leafEntries[i]), 1, leaves.buffer(), i, leafRead, i);
            return;
        }
        if (--reads > 0 || disk.failed()) {
            return;
        }
        for (int leaf = 0; leaf < leafCount; leaf++) {
            if (leafGood[leaf]) {
                for (int b = 0; b < ExtentPage.ENTRIES; b++) {
                    long slot = ExtentPage.slot(leaves, leaf, b);
                    if (slot > ExtentPage.LAST_SPECIAL) {
                        allocator.retire(slot);
                    }
                }
            }
            long page = IndexPage.slot(path, 1, leafEntries[leaf]);
            allocator.retire(page);
            cache.drop(page);
        }
        leave();
        descend();
    }
}
