package storage.cairn.client.load;

/**
 * What each block of a range may hold: nothing older than its floor, nothing newer than what was issued.
 *
 * <p>Sequences count the writes of each block from 1; 0 is what it held before. The floor is the newest sequence that
 * was acked, or that some read returned: what one read saw, no later read may miss. A write without a known outcome
 * leaves the floor where it is, so that old and new are both right, until a later write is acked or one of them is
 * read. Eight bytes a block. Used by one thread.
 */
final class Ledger {
    private final long firstBlock;
    private final int[] floor;
    private final int[] issued;
    private final long[] busy;

    Ledger(long firstBlock, int blocks) {
        this.firstBlock = firstBlock;
        this.floor = new int[blocks];
        this.issued = new int[blocks];
        this.busy = new long[(blocks + 63) / 64];
    }

    long firstBlock() {
        return firstBlock;
    }

    int blocks() {
        return floor.length;
    }

    private int index(long block) {
        return Math.toIntExact(block - firstBlock);
    }

    /** Whether a write of the block is under way. */
    boolean writing(long block) {
        int i = index(block);
        return (busy[i / 64] & 1L << i) != 0;
    }

    /** A write of the block begins; answers with its sequence. */
    int begin(long block) {
        int i = index(block);
        if (writing(block)) {
            throw new IllegalStateException("two writes of block " + block + " at once");
        }
        if (issued[i] == Integer.MAX_VALUE) {
            throw new IllegalStateException("block " + block + " was written 2^31 times");
        }
        busy[i / 64] |= 1L << i;
        return ++issued[i];
    }

    /** The write that is under way was acked: nothing older may ever be read again. */
    void acked(long block) {
        int i = index(block);
        busy[i / 64] &= ~(1L << i);
        floor[i] = issued[i];
    }

    /** The write that is under way ended without anybody knowing whether it happened. */
    void unknown(long block) {
        int i = index(block);
        busy[i / 64] &= ~(1L << i);
    }

    /** The oldest sequence that a read which begins now may return. */
    int floor(long block) {
        return floor[index(block)];
    }

    int issued(long block) {
        return issued[index(block)];
    }

    /** A read returned this sequence, which is not older than the floor at the time when it began. */
    void seen(long block, int sequence) {
        int i = index(block);
        floor[i] = Math.max(floor[i], sequence);
    }

    /** Blocks that hold acked data. */
    long written() {
        long count = 0;
        for (int sequence : floor) {
            count += sequence > 0 ? 1 : 0;
        }
        return count;
    }
}
