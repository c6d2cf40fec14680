package storage.cairn.engine.nbd;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.replication.HostVolume;

/**
 * One command of a session from its header to its reply. Requests are made once for each slot of a session and used
 * again.
 *
 * <p>A read or write is done in parts of at most 256 blocks, cut at multiples of 4,096 bytes. The first error of any
 * part is the error of the whole.
 */
final class NbdRequest {
    /** Parts of the longest request, one more for a start in the middle of a block. */
    static final int MAX_PARTS = NbdWire.MAX_PAYLOAD_BYTES / HostVolume.MAX_BYTES + 1;

    /** Parts of one read that are under way at once when each can be answered for itself. */
    static final int GROUP = 4;

    private static final int BLOCK = NbdWire.PREFERRED_BLOCK_BYTES;

    final int slot;
    long cookie;
    int type;
    int flags;
    long offset;
    long length;
    long startNanos;
    /** First byte that no part covers yet. */
    long next;
    /** Operations given to the volume and not completed. */
    int outstanding;
    /** First error, an NBD errno. */
    int error;
    /** Whether nobody can say whether it happened. */
    boolean unknown;
    /** Buffers of the group of parts that is being read. */
    @Nullable
    Buffer[] parts = new Buffer[GROUP];

    int partCount;
    long groupStart;

    NbdRequest(int slot) {
        this.slot = slot;
    }

    void begin(long newCookie, int newType, int newFlags, long newOffset, long newLength, long nowNanos) {
        cookie = newCookie;
        type = newType;
        flags = newFlags;
        offset = newOffset;
        length = newLength;
        startNanos = nowNanos;
        next = newOffset;
        outstanding = 0;
        error = 0;
        unknown = false;
        partCount = 0;
    }

    long end() {
        return offset + length;
    }

    boolean covered() {
        return next == end();
    }

    /** End of the part that starts at {@code from}. */
    long partEnd(long from) {
        return Math.min(end(), from - from % BLOCK + HostVolume.MAX_BYTES);
    }

    /** Blocks that the part touches. */
    static int blocks(long from, long to) {
        return (int) ((to - 1) / BLOCK - from / BLOCK) + 1;
    }

    void fail(int errno) {
        if (error == 0) {
            error = errno;
        }
    }

    void part(int index, @Nullable Buffer buffer) {
        if (index >= parts.length) {
            parts = Arrays.copyOf(parts, MAX_PARTS);
        }
        parts[index] = buffer;
    }
}
