package storage.cairn.engine.store;

/**
 * Where things are on a disk of a given size, in blocks of 4 KiB.
 *
 * <pre>
 *   0           superblock copy 0            N-257       superblock copy 2
 *   256         superblock copy 1            N-1         superblock copy 3
 *   257         journal ring, jBlocks        257+jBlocks .. N-258   slots
 * </pre>
 */
record Layout(long devBlocks, long journalStart, long journalBlocks) {
    /** 32 MiB. */
    static final long SMALLEST_BLOCKS = 8_192;

    /** Block numbers fit in 40 bits. */
    static final long LARGEST_BLOCKS = 1L << 40;

    static final int SUPERBLOCKS = 4;

    private static final long JOURNAL_LEAST = 65_536;
    private static final long JOURNAL_MOST = 4_194_304;

    static Layout of(long devBlocks) throws StoreException {
        if (devBlocks < SMALLEST_BLOCKS || devBlocks > LARGEST_BLOCKS) {
            throw new StoreException("a disk of " + devBlocks + " blocks of 4 KiB: between " + SMALLEST_BLOCKS + " and "
                    + LARGEST_BLOCKS + " are needed");
        }
        long wanted = Math.clamp(devBlocks / 500, JOURNAL_LEAST, JOURNAL_MOST);
        return new Layout(devBlocks, 257, Math.min(wanted, devBlocks / 8));
    }

    long superblock(int copy) {
        return switch (copy) {
            case 0 -> 0;
            case 1 -> 256;
            case 2 -> devBlocks - 257;
            case 3 -> devBlocks - 1;
            default -> throw new IllegalArgumentException("superblock copy " + copy);
        };
    }

    long journalBlock(long blockSeq) {
        return journalStart + Long.remainderUnsigned(blockSeq, journalBlocks);
    }

    long firstSlot() {
        return journalStart + journalBlocks;
    }

    long slots() {
        return devBlocks - 257 - firstSlot();
    }

    boolean isSlot(long block) {
        return block >= firstSlot() && block < devBlocks - 257;
    }
}
