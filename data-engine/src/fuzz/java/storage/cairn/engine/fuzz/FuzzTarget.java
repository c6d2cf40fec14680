package storage.cairn.engine.fuzz;

import java.util.List;

/**
 * One decoder, and what is around it as far as its input reaches. The same input must do the same each time, so that
 * a finding can be looked at again.
 */
public interface FuzzTarget extends AutoCloseable {
    /**
     * Decodes {@code input}. What the decoder refuses, the way it is meant to, ends normally; an exception is a
     * finding.
     */
    void run(byte[] input) throws Exception;

    /** Valid inputs, made by the encoders of today. */
    List<byte[]> seeds() throws Exception;

    /** Bytes of heap that an input of that length may cost. */
    long allowedBytes(int inputBytes);

    /**
     * Milliseconds of a processor that an input of that length may cost: far above what a slow machine needs, and far
     * below what a count from the input costs that nobody checked.
     */
    default long allowedMillis(int inputBytes) {
        return 1_000L + inputBytes / 16;
    }

    /** The thread that does the work of {@link #run}. */
    default Thread worker() {
        return Thread.currentThread();
    }

    @Override
    default void close() {}
}
