package storage.cairn.engine.port;

import org.jspecify.annotations.Nullable;

/** A bounded supply of {@link Buffer}s for one loop. */
public interface BufferPool {
    /** The largest buffer: one write of 256 blocks. */
    int MAX_BYTES = 1 << 20;

    /**
     * A buffer of at least {@code bytes} (1 to {@link #MAX_BYTES}) with one reference and undefined content, or
     * null when the pool is empty: then stop taking work until {@link #whenAvailable} calls.
     */
    @Nullable
    Buffer acquire(int bytes);

    /**
     * Runs {@code task} once, on the loop, after some buffer came back. Tasks run in the order of the calls, each while
     * there is something to hand out: one that needs nothing any more keeps nobody behind it waiting.
     */
    void whenAvailable(Runnable task);
}
