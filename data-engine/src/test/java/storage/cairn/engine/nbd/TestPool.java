package storage.cairn.engine.nbd;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/** A bounded pool of direct memory that poisons what comes back. On one loop; its figures are read from any thread. */
final class TestPool implements BufferPool {
    private static final byte POISON = (byte) 0xdb;

    private final long limitBytes;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private final ArrayDeque<TestBuffer> spare = new ArrayDeque<>();
    private volatile long outBytes;
    private volatile long mostBytes;

    TestPool(long limitBytes) {
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
        long now = outBytes + capacity;
        outBytes = now;
        mostBytes = Math.max(mostBytes, now);
        for (TestBuffer candidate : spare) {
            if (candidate.capacity() == capacity) {
                spare.remove(candidate);
                return candidate.out();
            }
        }
        return new TestBuffer(ByteBuffer.allocateDirect(capacity)).out();
    }

    @Override
    public void whenAvailable(Runnable task) {
        waiting.add(task);
    }

    long outBytes() {
        return outBytes;
    }

    long mostBytes() {
        return mostBytes;
    }

    private final class TestBuffer extends Buffer {
        TestBuffer(ByteBuffer bytes) {
            super(bytes);
        }

        TestBuffer out() {
            handOut();
            return this;
        }

        @Override
        protected void recycle() {
            for (int i = 0; i < capacity(); i += 64) {
                bytes().put(i, POISON);
            }
            outBytes = outBytes - capacity();
            if (spare.size() < 64) {
                spare.add(this);
            }
            Runnable next = waiting.poll();
            if (next != null) {
                next.run();
            }
        }
    }
}
