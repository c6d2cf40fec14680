package storage.cairn.engine.crash;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.store.Replica;

/** Where a crash test writes to and reads from. All on one loop; completions never run inside the call. */
interface CrashTarget {
    /**
     * Performs an operation; durable when it completes with OK.
     *
     * @param data of a WRITE, sealed, from its first block on; null of others
     */
    void apply(CrashLoad.Op op, @Nullable Buffer data, Replica.Done done);

    /** Reads {@code count} blocks (1 to 256). */
    void read(int block, int count, Buffer into, Replica.Done done);

    /** What is wrong with it although everything can be read, such as its accounts; null when nothing is. */
    @Nullable
    String fault();
}
