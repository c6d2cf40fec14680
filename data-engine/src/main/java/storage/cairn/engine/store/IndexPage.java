package storage.cairn.engine.store;

/**
 * References to 126 pages, of a volume's tree, of the catalog or of the allocation map; codec on fixed memory.
 *
 * <pre>
 *   0 u32 magic  4 u32 vol (0 for a page list)  8 u8 level (1 = above the leaves)  9 zeroes  16 u64 number
 *  24 u64 checkpointId  32 u32 version  36 zeroes  60 u32 selfCrc (crc32c of the page with this field 0)
 *  64 + 32*i: u40 pageSlot (0 none, 1 all zero), u24 flags (1 lost blocks, 2 present), u32 nMapped, u32 pageCrc,
 *             u32 birthGen, u32 wseqLow of an extent without a page, u64 maxWseq
 * </pre>
 */
final class IndexPage {
    static final int MAGIC = 0x5844_4943;
    static final int VERSION = 1;
    static final int FANOUT = 126;
    static final int LEVELS = 4;

    /** The extent has lost blocks, or a page below has such an extent. */
    static final int FLAG_LOST = 1;

    /** Something is below, be it only a maxWseq. */
    static final int FLAG_PRESENT = 2;

    private static final int HEADER = 64;
    private static final int ENTRY = 32;
    private static final int SELF_CRC = 60;
    private static final long[] SPAN = {1, FANOUT, 15_876, 2_000_376, 252_047_376};

    /** Extents of the largest volume: about 240 TiB. */
    static final long MAX_EXTENTS = SPAN[LEVELS];

    private IndexPage() {}

    /** Extents below a page of this level. */
    static long span(int level) {
        return SPAN[level];
    }

    static void init(Mem mem, int page) {
        mem.clear(page);
    }

    static long slot(Mem mem, int page, int index) {
        return mem.u40(entry(page, index));
    }

    static int flags(Mem mem, int page, int index) {
        return mem.u24(entry(page, index) + 5);
    }

    static long mapped(Mem mem, int page, int index) {
        return mem.u32(entry(page, index) + 8);
    }

    static int crc(Mem mem, int page, int index) {
        return mem.i32(entry(page, index) + 12);
    }

    static long maxWseq(Mem mem, int page, int index) {
        return mem.i64(entry(page, index) + 24);
    }

    static void set(Mem mem, int page, int index, long slot, int flags, long mapped, int crc, int gen, long maxWseq) {
        int at = entry(page, index);
        mem.u40(at, slot);
        mem.u24(at + 5, flags);
        mem.i32(at + 8, (int) Math.min(mapped, 0xffff_ffffL));
        mem.i32(at + 12, crc);
        mem.i32(at + 16, gen);
        mem.i32(at + 20, 0);
        mem.i64(at + 24, maxWseq);
    }

    /** wseqLow of all blocks of an extent that has no page. */
    static int wseqLow(Mem mem, int page, int index) {
        return mem.u24(entry(page, index) + 20);
    }

    static void wseqLow(Mem mem, int page, int index, int wseqLow) {
        mem.u24(entry(page, index) + 20, wseqLow);
    }

    static void unset(Mem mem, int page, int index) {
        set(mem, page, index, 0, 0, 0, 0, 0, 0);
    }

    /** Whether nothing at all is below. */
    static boolean empty(Mem mem, int page) {
        for (int i = 0; i < FANOUT; i++) {
            if ((flags(mem, page, i) & FLAG_PRESENT) != 0) {
                return false;
            }
        }
        return true;
    }

    static long sumMapped(Mem mem, int page) {
        long sum = 0;
        for (int i = 0; i < FANOUT; i++) {
            sum += mapped(mem, page, i);
        }
        return sum;
    }

    static long highestWseq(Mem mem, int page) {
        long highest = 0;
        for (int i = 0; i < FANOUT; i++) {
            highest = Math.max(highest, maxWseq(mem, page, i));
        }
        return highest;
    }

    static int anyFlags(Mem mem, int page) {
        int flags = 0;
        for (int i = 0; i < FANOUT; i++) {
            flags |= flags(mem, page, i);
        }
        return flags;
    }

    static void seal(Mem mem, int page, int volume, int level, long number, long checkpointId) {
        int at = Mem.at(page);
        mem.i32(at, MAGIC);
        mem.i32(at + 4, volume);
        mem.u8(at + 8, level);
        mem.i64(at + 16, number);
        mem.i64(at + 24, checkpointId);
        mem.i32(at + 32, VERSION);
        mem.i32(at + SELF_CRC, 0);
        mem.i32(at + SELF_CRC, mem.crc(page));
    }

    /** Whether the page is whole and that of this place. The caller has compared the reference's checksum. */
    static boolean valid(Mem mem, int page, int volume, int level, long number, Layout layout) {
        int at = Mem.at(page);
        if (mem.i32(at) != MAGIC
                || mem.i32(at + 4) != volume
                || mem.u8(at + 8) != level
                || mem.i64(at + 16) != number
                || mem.i32(at + 32) != VERSION) {
            return false;
        }
        int self = mem.i32(at + SELF_CRC);
        mem.i32(at + SELF_CRC, 0);
        boolean whole = self == mem.crc(page);
        mem.i32(at + SELF_CRC, self);
        for (int i = 0; whole && i < FANOUT; i++) {
            long slot = slot(mem, page, i);
            whole = slot <= ExtentPage.ZERO || layout.isSlot(slot);
        }
        return whole;
    }

    private static int entry(int page, int index) {
        return Mem.at(page) + HEADER + index * ENTRY;
    }
}
