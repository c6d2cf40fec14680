package storage.cairn.engine.store;

/**
 * References to the pages of a list (the allocation map, the catalog), and how they are laid out in index pages above
 * the list, level upon level, up to one root.
 */
final class PageList {
    /** Volume number in the index pages of a list. */
    static final int NO_VOLUME = 0;

    /** @param pages of the list; 0: an empty list without a root */
    record Root(long slot, int crc, int pages) {
        static final Root NONE = new Root(0, 0, 0);
    }

    private final long[][] slots;
    private final int[][] crcs;

    PageList(int pages) {
        int levels = levels(pages);
        slots = new long[levels][];
        crcs = new int[levels][];
        int n = pages;
        for (int level = 0; level < levels; level++) {
            slots[level] = new long[n];
            crcs[level] = new int[n];
            n = (n + IndexPage.FANOUT - 1) / IndexPage.FANOUT;
        }
    }

    /** Levels of a list with its index: 0 of an empty one, otherwise at least 2. */
    static int levels(int pages) {
        if (pages == 0) {
            return 0;
        }
        int levels = 2;
        for (long n = (pages + IndexPage.FANOUT - 1L) / IndexPage.FANOUT; n > 1; levels++) {
            n = (n + IndexPage.FANOUT - 1) / IndexPage.FANOUT;
        }
        return levels;
    }

    /** Pages of all levels together. */
    static long total(int pages) {
        long sum = 0;
        long n = pages;
        for (int level = levels(pages); level > 0; level--) {
            sum += n;
            n = (n + IndexPage.FANOUT - 1) / IndexPage.FANOUT;
        }
        return sum;
    }

    int levels() {
        return slots.length;
    }

    int size(int level) {
        return slots[level].length;
    }

    long slot(int level, int number) {
        return slots[level][number];
    }

    int crc(int level, int number) {
        return crcs[level][number];
    }

    void set(int level, int number, long slot, int crc) {
        slots[level][number] = slot;
        crcs[level][number] = crc;
    }

    void crc(int level, int number, int crc) {
        crcs[level][number] = crc;
    }

    Root root() {
        int top = slots.length - 1;
        return top < 0 ? Root.NONE : new Root(slots[top][0], crcs[top][0], slots[0].length);
    }

    /** Makes the index page {@code number} of {@code level} (1 or more) from the references below. */
    void encode(int level, int number, Mem mem, int page, long checkpointId) {
        IndexPage.init(mem, page);
        int first = number * IndexPage.FANOUT;
        int count = Math.min(IndexPage.FANOUT, slots[level - 1].length - first);
        for (int i = 0; i < count; i++) {
            long slot = slots[level - 1][first + i];
            if (slot != 0) {
                int crc = crcs[level - 1][first + i];
                IndexPage.set(mem, page, i, slot, IndexPage.FLAG_PRESENT, 0, crc, 0, 0);
            }
        }
        IndexPage.seal(mem, page, NO_VOLUME, level, number, checkpointId);
    }

    /** Takes the references of an index page over. */
    void decode(int level, int number, Mem mem, int page, Layout layout) throws StoreException {
        if (!IndexPage.valid(mem, page, NO_VOLUME, level, number, layout)) {
            throw new StoreException("index page " + number + " of level " + level + " is not what its place says");
        }
        int first = number * IndexPage.FANOUT;
        int count = Math.min(IndexPage.FANOUT, slots[level - 1].length - first);
        for (int i = 0; i < count; i++) {
            set(level - 1, first + i, IndexPage.slot(mem, page, i), IndexPage.crc(mem, page, i));
        }
    }
}
