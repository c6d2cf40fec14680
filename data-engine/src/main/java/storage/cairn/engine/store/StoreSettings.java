package storage.cairn.engine.store;

/**
 * Memory and pace of one disk's store.
 *
 * @param overlayRecords most block mappings between two checkpoints, each about 32 bytes in each of the two overlays
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

    /** 11 M records in all (350 MiB), 64 MiB of page cache, 30 minutes. */
    public static StoreSettings defaults() {
        return new StoreSettings(5_500_000, 64 << 20, 1_800_000_000_000L, 4_096, 1_024);
    }
}
