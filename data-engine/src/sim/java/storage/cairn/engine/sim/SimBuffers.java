package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/**
 * A pool on the heap that counts what is out, poisons what comes back (so that a use after release shows as a
 * checksum error) and can be bounded.
 */
public final class SimBuffers implements BufferPool {
    private static final int PAGE_BYTES = 4_096;
    private static final byte POISON = (byte) 0xdb;

    /** One byte in each stretch is enough to spoil its checksum. */
    private static final int POISON_STEP = 256;

    /** What is kept for use again: a life has many pools, and buffers of many lengths. */
    private static final long MOST_SPARE_BYTES = 2 << 20;

    private final long limitBytes;
    /** By capacity, in pages. */
    private final @Nullable ArrayDeque<byte[]>[] spare = newArray();

    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private long outBytes;
    private long spareBytes;

    public SimBuffers(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    @Override
    public @Nullable Buffer acquire(int bytes) {
        if (bytes < 1 || bytes > MAX_BYTES) {
            throw new IllegalArgumentException("a buffer of " + bytes + " bytes");
        }
        int capacity = (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
        if (outBytes + capacity > limitBytes) {
            return null;
        }
        outBytes += capacity;
        ArrayDeque<byte[]> used = spare[capacity / PAGE_BYTES];
        byte[] memory = used == null ? null : used.poll();
        spareBytes -= memory == null ? 0 : capacity;
        return new SimBuffer(ByteBuffer.wrap(memory == null ? new byte[capacity] : memory));
    }

    @Override
    public void whenAvailable(Runnable task) {
        waiting.add(task);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static @Nullable ArrayDeque<byte[]>[] newArray() {
        return new ArrayDeque[MAX_BYTES / PAGE_BYTES + 1];
    }

    private void keep(byte[] memory) {
        if (spareBytes + memory.length > MOST_SPARE_BYTES) {
            return;
        }
        spareBytes += memory.length;
        int pages = memory.length / PAGE_BYTES;
        ArrayDeque<byte[]> used = spare[pages];
        if (used == null) {
            used = new ArrayDeque<>();
            spare[pages] = used;
        }
        used.add(memory);
    }

    /** Bytes handed out and not come back. */
    public long outBytes() {
        return outBytes;
    }

    private final class SimBuffer extends Buffer {
        SimBuffer(ByteBuffer bytes) {
            super(bytes);
            handOut();
        }

        @Override
        protected void recycle() {
            byte[] memory = bytes().array();
            for (int i = 0; i < memory.length; i += POISON_STEP) {
                memory[i] = POISON;
            }
            outBytes -= capacity();
            keep(memory);
            for (int left = waiting.size(); left > 0 && outBytes < limitBytes; left--) {
                Runnable next = waiting.poll();
                if (next != null) {
                    next.run();
                }
            }
        }
    }
}
