package storage.cairn.engine.store;

import java.util.Arrays;

/** What a replica applied above its commitSeq, by rising wseq; a bounded list in primitive arrays. */
final class Tail {
    private static final Replica.Kind[] KINDS = Replica.Kind.values();

    private long[] wseqs = new long[16];
    private long[] epochs = new long[16];
    private long[] blocks = new long[16];
    private long[] blockSeqs = new long[16];
    private int[] counts = new int[16];
    private byte[] kinds = new byte[16];
    private int size;

    int size() {
        return size;
    }

    long wseq(int i) {
        return wseqs[i];
    }

    long epoch(int i) {
        return epochs[i];
    }

    long block(int i) {
        return blocks[i];
    }

    int count(int i) {
        return counts[i];
    }

    Replica.Kind kind(int i) {
        return KINDS[kinds[i]];
    }

    /** Journal block that tells of the entry. */
    long blockSeq(int i) {
        return blockSeqs[i];
    }

    void add(long epoch, long wseq, Replica.Kind kind, long block, int count, long blockSeq) {
        if (size == wseqs.length) {
            grow();
        }
        int at = size;
        while (at > 0 && wseqs[at - 1] > wseq) {
            at--;
        }
        if (at > 0 && wseqs[at - 1] == wseq) {
            throw new IllegalStateException("wseq " + wseq + " was applied twice");
        }
        shift(at, at + 1, size - at);
        wseqs[at] = wseq;
        epochs[at] = epoch;
        blocks[at] = block;
        counts[at] = count;
        kinds[at] = (byte) kind.ordinal();
        blockSeqs[at] = blockSeq;
        size++;
    }

    /** Forgets everything up to {@code commitSeq}. */
    void trim(long commitSeq) {
        int gone = 0;
        while (gone < size && wseqs[gone] <= commitSeq) {
            gone++;
        }
        if (gone > 0) {
            shift(gone, 0, size - gone);
            size -= gone;
        }
    }

    /** Index of a wseq, or -1. */
    int find(long wseq) {
        int index = Arrays.binarySearch(wseqs, 0, size, wseq);
        return index < 0 ? -1 : index;
    }

    /** Whether an entry above {@code wseq} changed a block of this range. */
    boolean laterOverlaps(long wseq, long block, int count) {
        for (int i = size - 1; i >= 0 && wseqs[i] > wseq; i--) {
            boolean ranged = kinds[i] != Replica.Kind.RESIZE.ordinal();
            if (ranged && block < blocks[i] + counts[i] && blocks[i] < block + count) {
                return true;
            }
        }
        return false;
    }

    private void grow() {
        if (size >= Replica.MAX_TAIL * 2) {
            throw new IllegalStateException("a tail of " + size + " entries");
        }
        int length = size * 2;
        wseqs = Arrays.copyOf(wseqs, length);
        epochs = Arrays.copyOf(epochs, length);
        blocks = Arrays.copyOf(blocks, length);
        blockSeqs = Arrays.copyOf(blockSeqs, length);
        counts = Arrays.copyOf(counts, length);
        kinds = Arrays.copyOf(kinds, length);
    }

    private void shift(int from, int to, int length) {
        System.arraycopy(wseqs, from, wseqs, to, length);
        System.arraycopy(epochs, from, epochs, to, length);
        System.arraycopy(blocks, from, blocks, to, length);
        System.arraycopy(blockSeqs, from, blockSeqs, to, length);
        System.arraycopy(counts, from, counts, to, length);
        System.arraycopy(kinds, from, kinds, to, length);
    }
}
