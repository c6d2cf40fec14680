package storage.cairn.engine.store;

import java.util.Arrays;

/**
 * One part of an {@link Overlay}: entries of blocks, each in the chain of its extent, found by open addressing.
 *
 * <p>A block's entry takes 28 bytes in dense arrays plus a hash slot of 4 to 8; entries are never removed, only
 * overwritten.
 */
final class OverlaySegment {
    static final int NONE = -1;

    /** An extent's entry without a base: what the entries do not say is in its page. */
    static final long NO_BASE = -1;

    private int[] blockTable = filled(16);
    private long[] keys = new long[8];
    private long[] slots = new long[8];
    private int[] crcs = new int[8];
    private int[] nexts = new int[8];
    private int blocks;

    private int[] extentTable = filled(16);
    private long[] extentKeys = new long[8];
    private long[] maxWseqs = new long[8];
    private int[] heads = new int[8];
    private int[] bases = new int[8];
    private int extents;

    int blocks() {
        return blocks;
    }

    int extents() {
        return extents;
    }

    /** Entry of a block, or {@link #NONE}. */
    int find(long key) {
        int mask = blockTable.length - 1;
        for (int i = (int) Overlay.hash(key) & mask; ; i = i + 1 & mask) {
            int entry = blockTable[i];
            if (entry == NONE || keys[entry] == key) {
                return entry;
            }
        }
    }

    /** Entry of an extent, or {@link #NONE}. */
    int findExtent(long key) {
        int mask = extentTable.length - 1;
        for (int i = (int) Overlay.hash(key) & mask; ; i = i + 1 & mask) {
            int entry = extentTable[i];
            if (entry == NONE || extentKeys[entry] == key) {
                return entry;
            }
        }
    }

    long key(int entry) {
        return keys[entry];
    }

    long slot(int entry) {
        return slots[entry] & 0xff_ffff_ffffL;
    }

    int wseqLow(int entry) {
        return (int) (slots[entry] >>> 40);
    }

    int crc(int entry) {
        return crcs[entry];
    }

    int next(int entry) {
        return nexts[entry];
    }

    long extentKey(int extent) {
        return extentKeys[extent];
    }

    long maxWseq(int extent) {
        return maxWseqs[extent];
    }

    /** First block entry of an extent's chain, or {@link #NONE}. */
    int head(int extent) {
        return heads[extent];
    }

    /** {@link #NO_BASE}, or what blocks without an entry are: a special slot value. */
    long base(int extent) {
        return (long) (bases[extent] >>> 24) - 1;
    }

    int baseWseqLow(int extent) {
        return bases[extent] & 0xff_ffff;
    }

    void base(int extent, long state, int wseqLow) {
        bases[extent] = (int) (state + 1) << 24 | (wseqLow & 0xff_ffff);
    }

    int extent(long key, long maxWseq) {
        int found = findExtent(key);
        if (found != NONE) {
            maxWseqs[found] = Math.max(maxWseqs[found], maxWseq);
            return found;
        }
        if (extents == extentKeys.length) {
            extentKeys = Arrays.copyOf(extentKeys, grown(extents));
            maxWseqs = Arrays.copyOf(maxWseqs, grown(extents));
            heads = Arrays.copyOf(heads, grown(extents));
            bases = Arrays.copyOf(bases, grown(extents));
        }
        if (extents * 2 >= extentTable.length) {
            extentTable = filled(extentTable.length * 2);
            for (int i = 0; i < extents; i++) {
                insert(extentTable, extentKeys[i], i);
            }
        }
        extentKeys[extents] = key;
        maxWseqs[extents] = maxWseq;
        heads[extents] = NONE;
        bases[extents] = 0;
        insert(extentTable, key, extents);
        return extents++;
    }

    long put(long key, int extent, long slot, int crc, int wseqLow) {
        long packed = slot | (long) (wseqLow & 0xff_ffff) << 40;
        int found = find(key);
        if (found != NONE) {
            long previous = slot(found);
            slots[found] = packed;
            crcs[found] = crc;
            return previous;
        }
        if (blocks == keys.length) {
            keys = Arrays.copyOf(keys, grown(blocks));
            slots = Arrays.copyOf(slots, grown(blocks));
            crcs = Arrays.copyOf(crcs, grown(blocks));
            nexts = Arrays.copyOf(nexts, grown(blocks));
        }
        if (blocks * 4L >= blockTable.length * 3L) {
            blockTable = filled(blockTable.length * 2);
            for (int i = 0; i < blocks; i++) {
                insert(blockTable, keys[i], i);
            }
        }
        keys[blocks] = key;
        slots[blocks] = packed;
        crcs[blocks] = crc;
        nexts[blocks] = heads[extent];
        heads[extent] = blocks;
        insert(blockTable, key, blocks);
        blocks++;
        return -1;
    }

    /** Gives an entry a special slot value. */
    void overwrite(int entry, long state, int wseqLow) {
        slots[entry] = state | (long) (wseqLow & 0xff_ffff) << 40;
        crcs[entry] = 0;
    }

    /** Forgets everything and keeps the memory. */
    void clear() {
        Arrays.fill(blockTable, NONE);
        Arrays.fill(extentTable, NONE);
        blocks = 0;
        extents = 0;
    }

    private static void insert(int[] table, long key, int entry) {
        int mask = table.length - 1;
        int i = (int) Overlay.hash(key) & mask;
        while (table[i] != NONE) {
            i = i + 1 & mask;
        }
        table[i] = entry;
    }

    /** A quarter more: what is copied is little, what lies idle too. */
    private static int grown(int length) {
        return length + Math.max(8, length / 4);
    }

    private static int[] filled(int length) {
        int[] table = new int[length];
        Arrays.fill(table, NONE);
        return table;
    }
}
