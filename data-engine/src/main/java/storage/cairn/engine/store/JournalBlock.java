package storage.cairn.engine.store;

/**
 * One block of the journal ring: its header, and whether it is the one that is expected; codec on fixed memory.
 *
 * <pre>
 *   0 u32 magic  4 u32 crc32c(block, with this field 0)  8 u64 blockSeq  16 u32 runId  20 u32 prevBlockCrc
 *  24 u64 dataStableThrough  32 u16 nRec  34 u16 used (end of the last record)  36 u32 diskUuidLo  40 u64 zero
 *  48 records, 8-aligned: see {@link JournalRecord}; zeroes after them
 * </pre>
 */
final class JournalBlock {
    static final int MAGIC = 0x4c4a_4143;
    static final int HEADER = 48;

    private JournalBlock() {}

    /** Writes the header of a block whose records are in place, and returns its checksum. */
    static int seal(
            Mem mem,
            int page,
            long blockSeq,
            int runId,
            int previousCrc,
            long stableThrough,
            int records,
            int used,
            int diskLow) {
        int at = Mem.at(page);
        mem.i32(at, MAGIC);
        mem.i32(at + 4, 0);
        mem.i64(at + 8, blockSeq);
        mem.i32(at + 16, runId);
        mem.i32(at + 20, previousCrc);
        mem.i64(at + 24, stableThrough);
        mem.u16(at + 32, records);
        mem.u16(at + 34, used);
        mem.i32(at + 36, diskLow);
        mem.i64(at + 40, 0);
        int crc = mem.crc(page);
        mem.i32(at + 4, crc);
        return crc;
    }

    /** Whether the page is a whole journal block of that disk and run with that number. */
    static boolean valid(Mem mem, int page, long blockSeq, int runId, int diskLow) {
        int at = Mem.at(page);
        if (mem.i32(at) != MAGIC
                || mem.i64(at + 8) != blockSeq
                || mem.i32(at + 16) != runId
                || mem.i32(at + 36) != diskLow) {
            return false;
        }
        int used = mem.u16(at + 34);
        if (used < HEADER || used > Mem.PAGE) {
            return false;
        }
        int crc = mem.i32(at + 4);
        mem.i32(at + 4, 0);
        boolean whole = crc == mem.crc(page);
        mem.i32(at + 4, crc);
        return whole;
    }

    static long blockSeq(Mem mem, int page) {
        return mem.i64(Mem.at(page) + 8);
    }

    static int crc(Mem mem, int page) {
        return mem.i32(Mem.at(page) + 4);
    }

    static int previousCrc(Mem mem, int page) {
        return mem.i32(Mem.at(page) + 20);
    }

    static long stableThrough(Mem mem, int page) {
        return mem.i64(Mem.at(page) + 24);
    }

    static int records(Mem mem, int page) {
        return mem.u16(Mem.at(page) + 32);
    }

    static int used(Mem mem, int page) {
        return mem.u16(Mem.at(page) + 34);
    }
}
