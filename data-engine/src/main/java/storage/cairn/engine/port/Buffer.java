package storage.cairn.engine.port;

import java.nio.ByteBuffer;

/**
 * A piece of 4 KiB-aligned memory from a {@link BufferPool}, with one checksum slot for each 4 KiB block of it.
 *
 * <p>References are counted without synchronisation: a buffer lives on one loop. Whoever was given the buffer and
 * wants it beyond the call retains it, and releases it later; the last release gives it back to its pool. Memory
 * that was given to a {@link BlockDevice} or a {@link Network.Stream} stays unchanged until that operation
 * completed, which those guarantee by retaining it themselves.
 */
public abstract class Buffer {
    private final ByteBuffer bytes;
    private final int[] crcs;
    private int references;

    protected Buffer(ByteBuffer bytes) {
        this.bytes = bytes;
        this.crcs = new int[Math.max(1, bytes.capacity() / BlockDevice.BLOCK_BYTES)];
    }

    /** The memory. Use absolute access only: position and limit belong to nobody and are 0 and capacity. */
    public final ByteBuffer bytes() {
        return bytes;
    }

    /** Bytes that fit, a multiple of 4,096. */
    public final int capacity() {
        return bytes.capacity();
    }

    /** CRC32C of the {@code index}th block, as it travels with the data. */
    public final int crc(int index) {
        return crcs[index];
    }

    public final void crc(int index, int crc32c) {
        crcs[index] = crc32c;
    }

    /** Computes and stores the CRC32C of {@code count} blocks from block {@code index} on. */
    public final void seal(int index, int count) {
        for (int i = index; i < index + count; i++) {
            crcs[i] = Crc32c.of(bytes, i * BlockDevice.BLOCK_BYTES, BlockDevice.BLOCK_BYTES);
        }
    }

    /** Index of the first of {@code count} blocks from {@code index} on that does not match its checksum, or -1. */
    public final int firstMismatch(int index, int count) {
        for (int i = index; i < index + count; i++) {
            if (crcs[i] != Crc32c.of(bytes, i * BlockDevice.BLOCK_BYTES, BlockDevice.BLOCK_BYTES)) {
                return i;
            }
        }
        return -1;
    }

    public final Buffer retain() {
        if (references <= 0) {
            throw new IllegalStateException("retain of a released buffer");
        }
        references++;
        return this;
    }

    public final void release() {
        if (references <= 0) {
            throw new IllegalStateException("release of a released buffer");
        }
        if (--references == 0) {
            recycle();
        }
    }

    /** References held now; 0 while the buffer lies in its pool. */
    public final int references() {
        return references;
    }

    /** Called by the pool when it hands the buffer out: one reference, held by the caller. */
    protected final void handOut() {
        if (references != 0) {
            throw new IllegalStateException("buffer handed out twice");
        }
        references = 1;
    }

    /** Takes the buffer back into its pool. */
    protected abstract void recycle();
}
