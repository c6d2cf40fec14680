package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/**
 * A pool on the heap that counts what is out, poisons what comes back (so that a use after release shows as a
 * checksum error) and can be bounded.
 */
public final class SimBuffers implements BufferPool {
    private static final byte POISON = (byte) 0xdb;

    /** One byte in each stretch is enough to spoil its checksum. */
    private static final int POISON_STEP = 256;

    private final long limitBytes;
    private final Map<Integer, ArrayDeque<byte[]>> spare = new HashMap<>();
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private long outBytes;

    public SimBuffers(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    @Override
    public @Nullable Buffer acquire(int bytes) {
        if (bytes < 1 || bytes > MAX_BYTES) {
            throw new IllegalArgumentException("a buffer of " + bytes + " bytes");
        }
        int capacity = (bytes + 4095) & -4096;
        if (outBytes + capacity > limitBytes) {
            return null;
        }
        outBytes += capacity;
        ArrayDeque<byte[]> used = spare.get(capacity);
        byte[] memory = used == null ? null : used.poll();
        return new SimBuffer(ByteBuffer.wrap(memory == null ? new byte[capacity] : memory));
    }

    @Override
    public void whenAvailable(Runnable task) {
        waiting.add(task);
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
            spare.computeIfAbsent(memory.length, unknown -> new ArrayDeque<>()).add(memory);
            for (int left = waiting.size(); left > 0 && outBytes < limitBytes; left--) {
                Runnable next = waiting.poll();
                if (next != null) {
                    next.run();
                }
            }
        }
    }
}
