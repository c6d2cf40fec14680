package storage.cairn.engine.store;

/**
 * Codec of the records of a journal block; reads as a cursor over the records of one block.
 *
 * <pre>
 *   0 u8 type  1 u8 flags  2 u16 len  4 u32 vol  8 u64 wseq
 *   WRITE   1  16 u32 epoch 20 u16 n 22 u16 nRuns 24 u32 wseq-commitSeq 28 u40 lba 33 u24 gen
 *              36 nRuns x {u40 slot, u24 len}  n x u32 crc
 *   ZERO    2  16 u32 epoch 20 u32 n 24 u32 wseq-commitSeq 28 u40 lba 33 u24 gen; flag 1: UNMAP
 *   RESIZE  3  16 u32 epoch 20 u32 zero 24 u32 wseq-commitSeq 28 u32 zero 32 u64 blocks
 *   MAP     4  as WRITE with slots 0 (hole) and 1 (zero) allowed and n x {u32 crc, u32 wseqLow} instead of the crcs;
 *              wseq is the extent's maxWseq; n may be 0; flag 1: a repair
 *   ABORT   5  16 u32 epoch 20 u32 offset of the record in its block 24 u64 blockSeq of the record
 *   COMMIT  6  wseq is commitSeq
 *   EPOCH   7  16 u16 bytes 18 the configuration
 *   CREATE  8  as EPOCH
 *   DELETE  9
 * </pre>
 *
 * Numbers 10 (SNAP_CREATE) and 11 (SNAP_DELETE) are set aside. A block of 4 KiB holds 84 WRITEs of one block.
 */
final class JournalRecord {
    static final int WRITE = 1;
    static final int ZERO = 2;
    static final int RESIZE = 3;
    static final int MAP = 4;
    static final int ABORT = 5;
    static final int COMMIT = 6;
    static final int EPOCH = 7;
    static final int CREATE = 8;
    static final int DELETE = 9;

    static final int FLAG_UNMAP = 1;
    static final int FLAG_REPAIR = 1;

    /** Most blocks of one MAP: larger ones would not fit with their worst number of runs. */
    static final int MAX_MAP_BLOCKS = 128;

    static final int SIMPLE_BYTES = 40;
    static final int ABORT_BYTES = 32;
    static final int BARE_BYTES = 16;

    private static final int RUNS = 36;
    private static final long MAX_BLOCK = 1L << 36;

    private final Mem mem;
    private final Layout layout;
    private int page;
    private int end;
    private int at;
    private int next;

    JournalRecord(Mem mem, Layout layout) {
        this.mem = mem;
        this.layout = layout;
    }

    static int writeBytes(int runs, int blocks) {
        return align(RUNS + 8 * runs + 4 * blocks);
    }

    static int mapBytes(int runs, int blocks) {
        return align(RUNS + 8 * runs + 8 * blocks);
    }

    static int configurationBytes(int encoded) {
        return align(18 + encoded);
    }

    static void head(Mem mem, int at, int type, int flags, int length, int volume, long wseq) {
        mem.u8(at, type);
        mem.u8(at + 1, flags);
        mem.u16(at + 2, length);
        mem.i32(at + 4, volume);
        mem.i64(at + 8, wseq);
    }

    /** Fields 16 to 35 of a WRITE or MAP; the runs and checksums follow through {@link #run} and the next two. */
    static void extent(Mem mem, int at, long epoch, int blocks, int runs, long commitDelta, long block, int gen) {
        mem.i32(at + 16, (int) epoch);
        mem.u16(at + 20, blocks);
        mem.u16(at + 22, runs);
        mem.i32(at + 24, (int) commitDelta);
        mem.u40(at + 28, block);
        mem.u24(at + 33, gen);
    }

    static void run(Mem mem, int at, int run, long slot, int length) {
        mem.u40(at + RUNS + 8 * run, slot);
        mem.u24(at + RUNS + 8 * run + 5, length);
    }

    static void writeCrc(Mem mem, int at, int runs, int index, int crc) {
        mem.i32(at + RUNS + 8 * runs + 4 * index, crc);
    }

    static void mapEntry(Mem mem, int at, int runs, int index, int crc, int wseqLow) {
        mem.i32(at + RUNS + 8 * runs + 8 * index, crc);
        mem.i32(at + RUNS + 8 * runs + 8 * index + 4, wseqLow);
    }

    static void zero(Mem mem, int at, long epoch, int blocks, long commitDelta, long block, int gen) {
        mem.i32(at + 16, (int) epoch);
        mem.i32(at + 20, blocks);
        mem.i32(at + 24, (int) commitDelta);
        mem.u40(at + 28, block);
        mem.u24(at + 33, gen);
    }

    static void resize(Mem mem, int at, long epoch, long commitDelta, long blocks) {
        mem.i32(at + 16, (int) epoch);
        mem.i32(at + 24, (int) commitDelta);
        mem.i64(at + 32, blocks);
    }

    static void abort(Mem mem, int at, long epoch, int offset, long blockSeq) {
        mem.i32(at + 16, (int) epoch);
        mem.i32(at + 20, offset);
        mem.i64(at + 24, blockSeq);
    }

    static void configuration(Mem mem, int at, byte[] encoded) {
        mem.u16(at + 16, encoded.length);
        mem.bytes(at + 18, encoded, 0, encoded.length);
    }

    /** Puts the cursor before the first record of a valid block. */
    void reset(int blockPage) {
        page = blockPage;
        end = Mem.at(page) + JournalBlock.used(mem, page);
        next = Mem.at(page) + JournalBlock.HEADER;
    }

    /** Goes to the next record; false after the last. */
    boolean next() throws StoreException {
        if (next >= end) {
            return false;
        }
        at = next;
        if (at + BARE_BYTES > end || length() < BARE_BYTES || (length() & 7) != 0 || at + length() > end) {
            throw bad("a length that does not fit");
        }
        next = at + length();
        check();
        return true;
    }

    /** Goes to the record at an offset that {@link #offset} gave for this block. */
    void seek(int blockPage, int offset) {
        page = blockPage;
        end = Mem.at(page) + JournalBlock.used(mem, page);
        at = Mem.at(page) + offset;
        next = at + length();
    }

    int offset() {
        return at - Mem.at(page);
    }

    int type() {
        return mem.u8(at);
    }

    int flags() {
        return mem.u8(at + 1);
    }

    private int length() {
        return mem.u16(at + 2);
    }

    int volume() {
        return mem.i32(at + 4);
    }

    long wseq() {
        return mem.i64(at + 8);
    }

    long epoch() {
        return mem.u32(at + 16);
    }

    int count() {
        return type() == ZERO ? mem.i32(at + 20) : mem.u16(at + 20);
    }

    int runs() {
        return mem.u16(at + 22);
    }

    long commitSeq() {
        return wseq() - mem.u32(at + 24);
    }

    long block() {
        return mem.u40(at + 28);
    }

    long runSlot(int run) {
        return mem.u40(at + RUNS + 8 * run);
    }

    int runLength(int run) {
        return mem.u24(at + RUNS + 8 * run + 5);
    }

    int crc(int index) {
        int first = at + RUNS + 8 * runs();
        return type() == MAP ? mem.i32(first + 8 * index) : mem.i32(first + 4 * index);
    }

    int wseqLow(int index) {
        return type() == MAP ? mem.i32(at + RUNS + 8 * runs() + 8 * index + 4) & 0xff_ffff : (int) wseq() & 0xff_ffff;
    }

    long newBlocks() {
        return mem.i64(at + 32);
    }

    int abortedOffset() {
        return mem.i32(at + 20);
    }

    long abortedBlockSeq() {
        return mem.i64(at + 24);
    }

    byte[] configuration() {
        return mem.bytes(at + 18, mem.u16(at + 16));
    }

    private void check() throws StoreException {
        switch (type()) {
            case WRITE ->
                checkRuns(writeBytes(runs(), count()), 1, Replica.MAX_WRITE_BLOCKS, ExtentPage.LAST_SPECIAL + 1);
            case MAP -> checkRuns(mapBytes(runs(), count()), 0, MAX_MAP_BLOCKS, ExtentPage.HOLE);
            case ZERO -> {
                if (length() != SIMPLE_BYTES
                        || count() < 1
                        || count() > Replica.MAX_ZERO_BLOCKS
                        || block() + count() > MAX_BLOCK) {
                    throw bad("a range that does not fit");
                }
            }
            case RESIZE -> {
                if (length() != SIMPLE_BYTES || newBlocks() < 1 || newBlocks() > MAX_BLOCK) {
                    throw bad("a size that does not fit");
                }
            }
            case ABORT -> {
                if (length() != ABORT_BYTES) {
                    throw bad("a length that does not fit");
                }
            }
            case COMMIT, DELETE -> {
                if (length() != BARE_BYTES) {
                    throw bad("a length that does not fit");
                }
            }
            case EPOCH, CREATE -> {
                if (length() < 24 || length() != configurationBytes(mem.u16(at + 16))) {
                    throw bad("a configuration that does not fit");
                }
            }
            default -> throw bad("an unknown type");
        }
    }

    private void checkRuns(int expectedLength, int least, int most, long lowestSlot) throws StoreException {
        if (length() < RUNS || length() != expectedLength || count() < least || count() > most) {
            throw bad("a length that does not fit");
        }
        if (block() + count() > MAX_BLOCK) {
            throw bad("a range that does not fit");
        }
        int sum = 0;
        for (int i = 0; i < runs(); i++) {
            long slot = runSlot(i);
            int length = runLength(i);
            boolean special = slot <= ExtentPage.ZERO && slot >= lowestSlot;
            boolean slots = layout.isSlot(slot) && layout.isSlot(slot + length - 1);
            if (length < 1 || length > most || (!special && !slots)) {
                throw bad("a run of " + length + " slots at block " + slot);
            }
            sum += length;
        }
        if (sum != count()) {
            throw bad("runs of " + sum + " slots for " + count() + " blocks");
        }
    }

    private StoreException bad(String what) {
        return new StoreException("journal block " + JournalBlock.blockSeq(mem, page) + " has a record of type "
                + type() + " at " + offset() + " with " + what);
    }

    private static int align(int bytes) {
        return bytes + 7 & -8;
    }
}
