package storage.cairn.client.load;

/**
 * A block that held what it must not hold.
 *
 * @param kind what it amounts to
 * @param block number of the 4 KiB block
 * @param detail what was expected and what was found
 */
public record Violation(Kind kind, long block, String detail) {
    /** What went wrong. */
    public enum Kind {
        /** An acked write, or one that was read before, is gone: the block holds something older. */
        LOST_WRITE,
        /** The block holds a write that was never made. */
        FROM_NOWHERE,
        /** The block holds what was written to another block or volume. */
        MISPLACED,
        /** The block holds no valid stamp. */
        CORRUPT
    }

    @Override
    public String toString() {
        return kind + " at block " + block + ": " + detail;
    }
}
