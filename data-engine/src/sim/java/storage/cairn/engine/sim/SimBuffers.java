package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
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

    /** A life has many pools, and buffers of many lengths. */
    private static final long MOST_SPARE_BYTES = 2 << 20;

    private final long limitBytes;
    private final Spare spare;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private final ArrayList<SimBuffer> out = new ArrayList<>();
    private long outBytes;

    public SimBuffers(long limitBytes) {
        this(limitBytes, new Spare(MOST_SPARE_BYTES));
    }

    /** One of several pools, often of processes that follow each other, that keep together what they do not need. */
    public SimBuffers(long limitBytes, Spare spare) {
        this.limitBytes = limitBytes;
        this.spare = spare;
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
        return new SimBuffer(ByteBuffer.wrap(spare.take(capacity)));
    }

    @Override
    public void whenAvailable(Runnable task) {
        waiting.add(task);
    }

    /** Bytes handed out and not come back. */
    public long outBytes() {
        return outBytes;
    }

    /**
     * Its process is gone, and nobody looks at what it had any more: all that is out is memory for others. Without
     * that, each process that dies would leave the next one to have its memory made anew.
     */
    public void abandon() {
        waiting.clear();
        for (SimBuffer buffer : out) {
            buffer.abandoned = true;
            buffer.reuse();
        }
        out.clear();
        outBytes = 0;
    }

    /** What a buffer of such a pool holds from {@code offset} on. */
    static byte[] copyOf(Buffer buffer, int offset, int length) {
        ByteBuffer bytes = buffer.bytes();
        int from = bytes.arrayOffset() + offset;
        return Arrays.copyOfRange(bytes.array(), from, from + length);
    }

    private final class SimBuffer extends Buffer {
        /** Its place among those that are out. */
        private int at = out.size();

        private boolean abandoned;

        SimBuffer(ByteBuffer bytes) {
            super(bytes);
            handOut();
            out.add(this);
        }

        private void reuse() {
            byte[] memory = bytes().array();
            for (int i = 0; i < memory.length; i += POISON_STEP) {
                memory[i] = POISON;
            }
            spare.keep(memory);
        }

        @Override
        protected void recycle() {
            if (abandoned) {
                return;
            }
            SimBuffer last = out.removeLast();
            if (last != this) {
                out.set(at, last);
                last.at = at;
            }
            outBytes -= capacity();
            reuse();
            for (int left = waiting.size(); left > 0 && outBytes < limitBytes; left--) {
                Runnable next = waiting.poll();
                if (next != null) {
                    next.run();
                }
            }
        }
    }

    /** Memory that nobody needs, kept for use again: to have it new each time costs more than most of what is done in it. */
    public static final class Spare {
        private final long mostBytes;
        /** By capacity, in pages. */
        private final @Nullable ArrayDeque<byte[]>[] arrays = newArray();

        private long bytes;

        public Spare(long mostBytes) {
            this.mostBytes = mostBytes;
        }

        @SuppressWarnings({"unchecked", "rawtypes"})
        private static @Nullable ArrayDeque<byte[]>[] newArray() {
            return new ArrayDeque[MAX_BYTES / PAGE_BYTES + 1];
        }

        private byte[] take(int capacity) {
            ArrayDeque<byte[]> used = arrays[capacity / PAGE_BYTES];
            byte[] memory = used == null ? null : used.poll();
            if (memory == null) {
                return new byte[capacity];
            }
            bytes -= capacity;
            return memory;
        }

        private void keep(byte[] memory) {
            if (bytes + memory.length > mostBytes) {
                return;
            }
            bytes += memory.length;
            int pages = memory.length / PAGE_BYTES;
            ArrayDeque<byte[]> used = arrays[pages];
            if (used == null) {
                used = new ArrayDeque<>();
                arrays[pages] = used;
            }
            used.add(memory);
        }
    }
}
