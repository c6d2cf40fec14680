package storage.cairn.engine.nbd;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;

/** Block buffers of all connections of a server: counts what is out, keeps it below a bound, and lets sessions wait. */
final class NbdMemory implements BufferViews.Released {
    private final BufferPool pool;
    private final Clock clock;
    private final long limitBytes;
    private final NbdMetrics metrics;
    private final ArrayDeque<NbdSession> waiting = new ArrayDeque<>();
    private long usedBytes;
    private boolean wakeScheduled;
    private boolean askedPool;

    NbdMemory(BufferPool pool, Clock clock, long limitBytes, NbdMetrics metrics) {
        this.pool = pool;
        this.clock = clock;
        this.limitBytes = limitBytes;
        this.metrics = metrics;
    }

    boolean contended() {
        return !waiting.isEmpty();
    }

    /** A buffer for {@code blocks} blocks, which are counted until {@link #released}; or null. */
    @Nullable
    Buffer acquire(int blocks) {
        int bytes = blocks * NbdWire.PREFERRED_BLOCK_BYTES;
        if (usedBytes > 0 && usedBytes + bytes > limitBytes) {
            return null;
        }
        Buffer buffer = pool.acquire(bytes);
        if (buffer != null) {
            usedBytes += bytes;
            metrics.heldBytes = usedBytes;
            if (usedBytes > metrics.mostHeldBytes) {
                metrics.mostHeldBytes = usedBytes;
            }
        }
        return buffer;
    }

    /** Counts bytes as given back; the buffer itself is released by whoever holds it. */
    @Override
    public void released(int bytes) {
        usedBytes -= bytes;
        metrics.heldBytes = usedBytes;
        if (usedBytes < 0) {
            throw new IllegalStateException("NBD: more buffer bytes given back than taken");
        }
        wakeLater();
    }

    /** Calls the session's {@code resume} once when there may be memory, in the order of the calls. */
    void await(NbdSession session) {
        waiting.add(session);
        if (!askedPool) {
            askedPool = true;
            pool.whenAvailable(() -> {
                askedPool = false;
                wakeLater();
            });
        }
    }

    private void wakeLater() {
        if (!wakeScheduled && !waiting.isEmpty()) {
            wakeScheduled = true;
            clock.execute(this::wake);
        }
    }

    private void wake() {
        wakeScheduled = false;
        for (int n = waiting.size(); n > 0; n--) {
            waiting.remove().memoryAvailable();
        }
    }
}
