package storage.cairn.engine.store;

/** What a store counted since it was opened. Plain numbers, read on the store's loop. */
public final class StoreMetrics {
    long writes;
    long writtenBytes;
    long reads;
    long readBytes;
    long gatheredBytes;
    long journalBlocks;
    long flushes;
    long checkpoints;
    long checkpointBytes;
    long lastCheckpointNanos;
    long cacheHits;
    long cacheMisses;
    long checksumErrors;
    long aborts;
    long stalls;
    long replayedRecords;
    long droppedRecords;
    long recoveryNanos;

    StoreMetrics() {}

    public long writes() {
        return writes;
    }

    /** Data given to {@code write} and {@code resync}. */
    public long writtenBytes() {
        return writtenBytes;
    }

    public long reads() {
        return reads;
    }

    public long readBytes() {
        return readBytes;
    }

    /** Scattered data written together again, because it was read. */
    public long gatheredBytes() {
        return gatheredBytes;
    }

    public long journalBlocks() {
        return journalBlocks;
    }

    public long flushes() {
        return flushes;
    }

    public long checkpoints() {
        return checkpoints;
    }

    /** Pages written by checkpoints. */
    public long checkpointBytes() {
        return checkpointBytes;
    }

    public long lastCheckpointNanos() {
        return lastCheckpointNanos;
    }

    public long cacheHits() {
        return cacheHits;
    }

    public long cacheMisses() {
        return cacheMisses;
    }

    /** Blocks and pages read that did not match their checksum. */
    public long checksumErrors() {
        return checksumErrors;
    }

    /** Writes given up because the disk refused their data. */
    public long aborts() {
        return aborts;
    }

    /** Times a change had to wait for a checkpoint. */
    public long stalls() {
        return stalls;
    }

    public long replayedRecords() {
        return replayedRecords;
    }

    /** Records whose data had not reached the disk when it lost power. */
    public long droppedRecords() {
        return droppedRecords;
    }

    public long recoveryNanos() {
        return recoveryNanos;
    }
}
