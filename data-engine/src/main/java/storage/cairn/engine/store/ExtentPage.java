package storage.cairn.engine.store;

/**
 * What 256 blocks of a volume map to, one page on disk; codec on fixed memory.
 *
 * <pre>
 *   0 u32 magic  4 u32 vol  8 u64 extentNo  16 u32 gen  20 u32 ver  24 u64 maxWseq  32 u64 checkpointId
 *  40 u16 nMapped  42 u16 nZero  44 u16 nLost  46 zeroes  60 u32 selfCrc (crc32c of the page with this field 0)
 *  64 + 15*i: u40 slot (0 hole, 1 zero, 2 lost), u32 crc32c, u24 birthGen, u24 wseqLow          3904 zeroes
 * </pre>
 */
final class ExtentPage {
    static final int MAGIC = 0x5458_4543;
    static final int VERSION = 1;
    static final int ENTRIES = Replica.EXTENT_BLOCKS;

    /** Values of a slot field that are no slot. */
    static final long HOLE = 0;

    static final long ZERO = 1;

    /** What was here is unknown: the page that told it was lost. Reads as an error until it is written again. */
    static final long LOST = 2;

    /** Every slot number is above. */
    static final long LAST_SPECIAL = LOST;

    private static final int HEADER = 64;
    private static final int ENTRY = 15;
    private static final int SELF_CRC = 60;

    private ExtentPage() {}

    /** Makes a page whose 256 entries are {@code state}, one of the special values. */
    static void init(Mem mem, int page, long state, int wseqLow) {
        mem.clear(page);
        if (state != HOLE || wseqLow != 0) {
            for (int i = 0; i < ENTRIES; i++) {
                set(mem, page, i, state, 0, 0, wseqLow);
            }
        }
    }

    static long slot(Mem mem, int page, int index) {
        return mem.u40(entry(page, index));
    }

    static int crc(Mem mem, int page, int index) {
        return mem.i32(entry(page, index) + 5);
    }

    static int birthGen(Mem mem, int page, int index) {
        return mem.u24(entry(page, index) + 9);
    }

    static int wseqLow(Mem mem, int page, int index) {
        return mem.u24(entry(page, index) + 12);
    }

    static void set(Mem mem, int page, int index, long slot, int crc, int birthGen, int wseqLow) {
        int at = entry(page, index);
        mem.u40(at, slot);
        mem.i32(at + 5, crc);
        mem.u24(at + 9, birthGen);
        mem.u24(at + 12, wseqLow);
    }

    static long maxWseq(Mem mem, int page) {
        return mem.i64(Mem.at(page) + 24);
    }

    static void maxWseq(Mem mem, int page, long wseq) {
        mem.i64(Mem.at(page) + 24, wseq);
    }

    static int mapped(Mem mem, int page) {
        return mem.u16(Mem.at(page) + 40);
    }

    static int zeroes(Mem mem, int page) {
        return mem.u16(Mem.at(page) + 42);
    }

    static int lost(Mem mem, int page) {
        return mem.u16(Mem.at(page) + 44);
    }

    /** Whether all entries are of the same special value and wseqLow, so that no page is needed to tell them. */
    static boolean uniform(Mem mem, int page) {
        long slot = slot(mem, page, 0);
        int wseqLow = wseqLow(mem, page, 0);
        boolean uniform = slot <= ZERO;
        for (int i = 1; uniform && i < ENTRIES; i++) {
            uniform = slot(mem, page, i) == slot && wseqLow(mem, page, i) == wseqLow;
        }
        return uniform;
    }

    /** Counts the entries and writes the header. */
    static void seal(Mem mem, int page, int volume, long extent, int gen, long checkpointId) {
        int mapped = 0;
        int zeroes = 0;
        int lost = 0;
        for (int i = 0; i < ENTRIES; i++) {
            long slot = slot(mem, page, i);
            mapped += slot > LAST_SPECIAL ? 1 : 0;
            zeroes += slot == ZERO ? 1 : 0;
            lost += slot == LOST ? 1 : 0;
        }
        int at = Mem.at(page);
        mem.i32(at, MAGIC);
        mem.i32(at + 4, volume);
        mem.i64(at + 8, extent);
        mem.i32(at + 16, gen);
        mem.i32(at + 20, VERSION);
        mem.i64(at + 32, checkpointId);
        mem.u16(at + 40, mapped);
        mem.u16(at + 42, zeroes);
        mem.u16(at + 44, lost);
        mem.i32(at + SELF_CRC, 0);
        mem.i32(at + SELF_CRC, mem.crc(page));
    }

    /** Whether the page is whole and the one of this extent. The caller has compared the reference's checksum. */
    static boolean valid(Mem mem, int page, int volume, long extent, Layout layout) {
        int at = Mem.at(page);
        if (mem.i32(at) != MAGIC || mem.i32(at + 4) != volume || mem.i64(at + 8) != extent) {
            return false;
        }
        if (mem.i32(at + 20) != VERSION) {
            return false;
        }
        int self = mem.i32(at + SELF_CRC);
        mem.i32(at + SELF_CRC, 0);
        boolean whole = self == mem.crc(page);
        mem.i32(at + SELF_CRC, self);
        if (!whole) {
            return false;
        }
        for (int i = 0; i < ENTRIES; i++) {
            long slot = slot(mem, page, i);
            if (slot > LAST_SPECIAL && !layout.isSlot(slot)) {
                return false;
            }
        }
        return true;
    }

    private static int entry(int page, int index) {
        return Mem.at(page) + HEADER + index * ENTRY;
    }
}
