package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/** A set of slots, one bit each, in chunks of one allocation page; a chunk without members takes no memory. */
final class SlotMap {
    /** Slots of a chunk: what fits in an allocation page below its header. */
    static final int CHUNK_SLOTS = 32_256;

    static final int CHUNK_WORDS = CHUNK_SLOTS / 64;

    private final long[] @Nullable [] chunks;
    private final int[] counts;
    private long count;

    SlotMap(int chunks) {
        this.chunks = new long[chunks][];
        this.counts = new int[chunks];
    }

    boolean get(long index) {
        long[] words = chunks[chunk(index)];
        return words != null && (words[word(index)] & 1L << (index & 63)) != 0;
    }

    void set(long index) {
        int chunk = chunk(index);
        long[] words = chunks[chunk];
        if (words == null) {
            words = new long[CHUNK_WORDS];
            chunks[chunk] = words;
        }
        long bit = 1L << (index & 63);
        if ((words[word(index)] & bit) != 0) {
            throw new IllegalStateException("slot index " + index + " is taken twice");
        }
        words[word(index)] |= bit;
        counts[chunk]++;
        count++;
    }

    void clear(long index) {
        int chunk = chunk(index);
        long[] words = chunks[chunk];
        long bit = 1L << (index & 63);
        if (words == null || (words[word(index)] & bit) == 0) {
            throw new IllegalStateException("slot index " + index + " is given back twice");
        }
        words[word(index)] &= ~bit;
        count--;
        if (--counts[chunk] == 0) {
            chunks[chunk] = null;
        }
    }

    /** The words of a chunk, or null when it has no members. Read only, but for {@link #load}. */
    long @Nullable [] words(int chunk) {
        return chunks[chunk];
    }

    /** Takes over the words of a chunk that was empty. */
    void load(int chunk, long[] words) {
        int members = 0;
        for (long word : words) {
            members += Long.bitCount(word);
        }
        if (counts[chunk] != 0) {
            throw new IllegalStateException("chunk " + chunk + " is loaded twice");
        }
        if (members > 0) {
            chunks[chunk] = words;
            counts[chunk] = members;
            count += members;
        }
    }

    int count(int chunk) {
        return counts[chunk];
    }

    long count() {
        return count;
    }

    static int chunk(long index) {
        return (int) (index / CHUNK_SLOTS);
    }

    private static int word(long index) {
        return (int) (index % CHUNK_SLOTS) >> 6;
    }
}
