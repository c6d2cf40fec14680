package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/**
 * One chunk of the map of slots in use; codec on fixed memory.
 *
 * <pre>
 *   0 u32 magic  4 u32 version  8 u64 chunk  16 u64 checkpointId  24 zeroes  60 u32 zero
 *  64 bitmap of 32,256 slots, slot 64*w+b of the chunk is bit b of the u64 number w
 * </pre>
 *
 * The reference's checksum covers it.
 */
final class AllocationPage {
    static final int MAGIC = 0x4c41_4143;
    static final int VERSION = 1;
    private static final int HEADER = 64;

    private AllocationPage() {}

    static void encode(Mem mem, int page, int chunk, long @Nullable [] words, long checkpointId) {
        mem.clear(page);
        int at = Mem.at(page);
        mem.i32(at, MAGIC);
        mem.i32(at + 4, VERSION);
        mem.i64(at + 8, chunk);
        mem.i64(at + 16, checkpointId);
        if (words != null) {
            for (int i = 0; i < SlotMap.CHUNK_WORDS; i++) {
                mem.i64(at + HEADER + i * 8, words[i]);
            }
        }
    }

    static long[] decode(Mem mem, int page, int chunk) throws StoreException {
        int at = Mem.at(page);
        if (mem.i32(at) != MAGIC || mem.i32(at + 4) != VERSION || mem.i64(at + 8) != chunk) {
            throw new StoreException("allocation page " + chunk + " is not what its place says");
        }
        long[] words = new long[SlotMap.CHUNK_WORDS];
        for (int i = 0; i < words.length; i++) {
            words[i] = mem.i64(at + HEADER + i * 8);
        }
        return words;
    }
}
