package storage.cairn.engine.replication;

import java.util.List;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;

/**
 * A volume as its host sees it: what a frontend (NBD, NVMe/TCP) reads and writes. On the volume's loop only;
 * completions never run inside the call that asked for them.
 *
 * <p>A write is acked when it is durable on every in-sync replica, so a flush has nothing left to do but to wait for
 * the writes before it.
 */
public interface HostVolume {
    /** Largest read or write: 256 blocks, less what misalignment takes. */
    int MAX_BYTES = 1 << 20;

    /** Bytes the host may address, a multiple of 4,096. It may grow, never shrink. */
    long sizeBytes();

    /**
     * Reads {@code count} blocks (1 to 256). OK: {@code into} holds them from its byte 0 on.
     */
    void read(long block, int count, Buffer into, Done done, long tag);

    /**
     * Writes {@code length} bytes at {@code offset}, any alignment, touching at most 256 blocks. Byte {@code i} lies in
     * {@code data} at {@code offset % 4096 + i}, so that the data is block-aligned as it is on disk; what is around it
     * in its first and last block is filled in by the owner.
     */
    void write(long offset, int length, Buffer data, Done done, long tag);

    /** Makes a byte range of any length and alignment read as zeroes; with {@code unmap} space is given back. */
    void zero(long offset, long length, boolean unmap, Done done, long tag);

    /** Completes when every write that completed before this call is on stable media of all in-sync replicas. */
    void flush(Done done, long tag);

    /** Runs of allocated and unallocated blocks from {@code block} on, at most {@code maxRuns}, in order, no gaps. */
    void blockStatus(long block, long count, int maxRuns, Runs done, long tag);

    /** Gives the volume up for this client. Outstanding operations still complete. */
    void close();

    /**
     * @param blocks length of the run
     * @param allocated whether the run is mapped to data
     * @param zero whether it is known to read as zeroes
     */
    record Run(long blocks, boolean allocated, boolean zero) {}

    interface Done {
        void done(long tag, Status status);
    }

    interface Runs {
        void done(long tag, Status status, List<Run> runs);
    }

    /** Told when the volume can no longer be served here: newer owner, newer attachId, deleted, disk gone. */
    interface Lost {
        void lost(Status status, String reason);
    }
}
