package storage.cairn.engine.store;

/**
 * Memory and pace of one disk's store.
 *
 * @param overlayRecords most entries of an overlay, of which there are two while a checkpoint is written; an entry takes
 *     at most 43 bytes
 * @param pageCacheBytes page cache, a multiple of 1 MiB, taken from the buffer pool at open
 * @param checkpointNanos a checkpoint is written at the latest so long after the first change
 * @param maxMutations most writes, zeroes and other changes under way
 * @param maxLookups most reads and other inquiries under way
 */
public record StoreSettings(
        long overlayRecords, int pageCacheBytes, long checkpointNanos, int maxMutations, int maxLookups) {

    public StoreSettings {
        if (overlayRecords < 4_096 || overlayRecords > 1L << 30) {
            throw new IllegalArgumentException("overlayRecords " + overlayRecords + ": at least 4,096");
        }
        if (pageCacheBytes < 1 << 20 || pageCacheBytes % (1 << 20) != 0) {
            throw new IllegalArgumentException("pageCacheBytes " + pageCacheBytes + ": a multiple of 1 MiB");
        }
        if (checkpointNanos < 1
                || maxMutations < 64
                || maxMutations > 65_536
                || maxLookups < 16
                || maxLookups > 65_536) {
            throw new IllegalArgumentException("checkpoint interval, mutations or lookups out of range");
        }
    }

    /** Memory that a store takes from its buffer pool for good, and what recovery and scrubbing borrow beside it. */
    public long poolBytes() {
        return pageCacheBytes + (16L << 20);
    }

    /** Overlays of 350 MiB together at most, 64 MiB of page cache, 30 minutes. */
    public static StoreSettings defaults() {
        return new StoreSettings(4_250_000, 64 << 20, 1_800_000_000_000L, 4_096, 1_024);
    }
}
