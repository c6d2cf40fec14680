package storage.cairn.engine.io;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/**
 * A fixed amount of direct, 4 KiB-aligned memory for one loop, cut at the start into buffers of four sizes.
 *
 * <p>A request is served from the smallest class that fits or, when that one is empty, from the next larger one.
 * Whoever waits is called in the order of waiting, in a turn of its own, and keeps its place when what came back
 * did not suit it.
 */
public final class Slab implements BufferPool {
    private static final int[] CLASS_BYTES = {4 << 10, 16 << 10, 64 << 10, MAX_BYTES};
    private static final int CHUNK_BYTES = 256 << 20;
    private static final int MAX_WAITING = 1 << 16;

    private final String name;
    private final LoopClock clock;
    private final SizeClass[] classes = new SizeClass[CLASS_BYTES.length];
    private final Runnable wake = this::wake;
    private final long capacityBytes;
    private ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private ArrayDeque<Runnable> waitingAgain = new ArrayDeque<>();
    private boolean waking;
    private boolean wakeScheduled;
    private long outBytes;

    /**
     * How many buffers of each size there are.
     *
     * @param of4K buffers of 4 KiB
     * @param of16K buffers of 16 KiB
     * @param of64K buffers of 64 KiB
     * @param of1M buffers of 1 MiB
     */
    public record Sizes(int of4K, int of16K, int of64K, int of1M) {
        /** The least with which every request can be served. */
        public static final long MIN_BYTES = 8L << 20;

        public Sizes {
            if (of4K < 1 || of16K < 1 || of64K < 1 || of1M < 1) {
                throw new IllegalArgumentException("a slab needs at least one buffer of each size");
            }
        }

        /** About {@code bytes} (at least {@link #MIN_BYTES}): half in 1 MiB buffers, the rest for smaller requests. */
        public static Sizes ofBytes(long bytes) {
            if (bytes < MIN_BYTES || bytes > 1L << 40) {
                throw new IllegalArgumentException(
                        "a slab of " + bytes + " bytes: it takes at least " + MIN_BYTES + " and at most 1 TiB");
            }
            return new Sizes(
                    (int) (bytes / 4 / CLASS_BYTES[0]),
                    (int) (bytes / 8 / CLASS_BYTES[1]),
                    (int) (bytes / 8 / CLASS_BYTES[2]),
                    (int) (bytes / 2 / CLASS_BYTES[3]));
        }

        /** The memory that all of them take. */
        public long bytes() {
            return (long) of4K * CLASS_BYTES[0]
                    + (long) of16K * CLASS_BYTES[1]
                    + (long) of64K * CLASS_BYTES[2]
                    + (long) of1M * CLASS_BYTES[3];
        }
    }

    /** Allocates all the memory now. {@code name} is for messages. */
    Slab(String name, Sizes sizes, LoopClock clock) {
        this.name = name;
        this.clock = clock;
        int[] counts = {sizes.of4K(), sizes.of16K(), sizes.of64K(), sizes.of1M()};
        for (int i = 0; i < classes.length; i++) {
            classes[i] = new SizeClass(CLASS_BYTES[i], counts[i]);
        }
        this.capacityBytes = sizes.bytes();
    }

    @Override
    public @Nullable Buffer acquire(int bytes) {
        if (bytes < 1 || bytes > MAX_BYTES) {
            throw new IllegalArgumentException("a buffer of " + bytes + " bytes");
        }
        clock.checkOnLoop();
        int index = 0;
        while (CLASS_BYTES[index] < bytes) {
            index++;
        }
        SlabBuffer buffer = classes[index].poll();
        if (buffer == null && index + 1 < classes.length) {
            buffer = classes[index + 1].poll();
        }
        return buffer;
    }

    @Override
    public void whenAvailable(Runnable task) {
        clock.checkOnLoop();
        if (waiting.size() + waitingAgain.size() >= MAX_WAITING) {
            throw new IllegalStateException("more than " + MAX_WAITING + " wait for buffers of " + name);
        }
        (waking ? waitingAgain : waiting).add(task);
    }

    /** Bytes handed out and not come back. */
    public long outBytes() {
        return outBytes;
    }

    public long capacityBytes() {
        return capacityBytes;
    }

    /** How many wait for a buffer. */
    public int waiting() {
        return waiting.size() + waitingAgain.size();
    }

    private void cameBack() {
        if (!wakeScheduled && !waiting.isEmpty()) {
            wakeScheduled = true;
            clock.execute(wake);
        }
    }

    /** Calls everyone who waited before this turn, once, as long as there is anything to hand out. */
    private void wake() {
        wakeScheduled = false;
        waking = true;
        try {
            for (int i = waiting.size(); i > 0 && !isEmpty(); i--) {
                waiting.remove().run();
            }
        } finally {
            waking = false;
            if (!waitingAgain.isEmpty()) {
                keepTheirPlaces();
            }
        }
    }

    private void keepTheirPlaces() {
        ArrayDeque<Runnable> before = waitingAgain;
        before.addAll(waiting);
        waiting.clear();
        waitingAgain = waiting;
        waiting = before;
    }

    private boolean isEmpty() {
        for (SizeClass sizeClass : classes) {
            if (sizeClass.free > 0) {
                return false;
            }
        }
        return true;
    }

    /** The buffers of one size; a stack, so that memory still in the processor's cache is used again first. */
    final class SizeClass {
        private final int bytes;
        private final SlabBuffer[] stack;
        private int free;

        SizeClass(int bytes, int count) {
            this.bytes = bytes;
            this.stack = new SlabBuffer[count];
            int perChunk = CHUNK_BYTES / bytes;
            for (int done = 0; done < count; done += perChunk) {
                cut(Math.min(perChunk, count - done));
            }
        }

        private void cut(int count) {
            ByteBuffer chunk = ByteBuffer.allocateDirect(count * bytes + BlockDevice.BLOCK_BYTES)
                    .alignedSlice(BlockDevice.BLOCK_BYTES);
            for (int i = 0; i < count; i++) {
                stack[free++] = new SlabBuffer(chunk.slice(i * bytes, bytes), this);
            }
        }

        @Nullable
        SlabBuffer poll() {
            if (free == 0) {
                return null;
            }
            SlabBuffer buffer = stack[--free];
            outBytes += bytes;
            buffer.take();
            return buffer;
        }

        void putBack(SlabBuffer buffer) {
            clock.checkOnLoop();
            stack[free++] = buffer;
            outBytes -= bytes;
            cameBack();
        }
    }
}
