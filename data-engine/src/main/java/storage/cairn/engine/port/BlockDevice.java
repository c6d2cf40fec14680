package storage.cairn.engine.port;

/**
 * A disk, addressed in 4 KiB blocks. Operations are asynchronous and unordered among each other; each completion is
 * called once, on the loop, never inside the call that submitted it. Memory is retained until then.
 */
public interface BlockDevice extends AutoCloseable {
    int BLOCK_BYTES = 4096;

    /** Number of whole blocks. */
    long blocks();

    /** Whether a completed write may be lost by a power cut unless a flush that was submitted after it succeeded. */
    boolean volatileCache();

    /** Reads {@code count} (1 to 256) blocks from {@code block} on, into {@code into} at its block {@code index}. */
    void read(long block, int count, Buffer into, int index, Completion completion, long tag);

    /** Writes {@code count} (1 to 256) blocks at {@code block} from {@code from} at its block {@code index}. */
    void write(long block, int count, Buffer from, int index, Completion completion, long tag);

    /** Makes every write that completed before this call durable. */
    void flush(Completion completion, long tag);

    /** Tells the device that the content of these blocks is of no further use. What they read afterwards is undefined. */
    void discard(long block, long count, Completion completion, long tag);

    /** Operations submitted and not completed. */
    int inFlight();

    /** Gives the device up. Only after {@link #inFlight} is 0. */
    @Override
    void close();

    /** Called when an operation ended. */
    interface Completion {
        /**
         * @param tag as it was given at the submission
         * @param errno 0 when the whole operation succeeded, otherwise a positive errno; a short transfer is EIO
         */
        void done(long tag, int errno);
    }
}
