package storage.cairn.engine.node;

import org.HdrHistogram.SingleWriterRecorder;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;

/**
 * Counts and times what a disk does, between the store and the device. On the disk's loop; it allocates nothing once
 * as many operations were under way as there ever will be.
 */
final class DeviceMeter implements BlockDevice, BlockDevice.Completion {
    private static final long HIGHEST_MICROS = 600_000_000L;
    private static final int DIGITS = 2;
    private static final int FIRST_SLOTS = 256;
    private static final int MAX_SLOTS = 1 << 20;

    /** What a disk can be asked for. */
    enum Operation {
        READ,
        WRITE,
        FLUSH,
        DISCARD
    }

    private static final Operation[] OPERATIONS = Operation.values();

    private final BlockDevice device;
    private final Figures[] figures = new Figures[OPERATIONS.length];
    private Completion[] completions = new Completion[FIRST_SLOTS];
    private long[] tags = new long[FIRST_SLOTS];
    private long[] startedNanos = new long[FIRST_SLOTS];
    private byte[] operations = new byte[FIRST_SLOTS];
    private int[] free = new int[FIRST_SLOTS];
    private int freeCount;

    DeviceMeter(BlockDevice device) {
        this.device = device;
        for (int i = 0; i < figures.length; i++) {
            figures[i] = new Figures();
        }
        for (int slot = FIRST_SLOTS - 1; slot >= 0; slot--) {
            free[freeCount++] = slot;
        }
    }

    /** Written on the loop; the recorder's interval may be taken from one other thread. */
    static final class Figures {
        private final SingleWriterRecorder micros = new SingleWriterRecorder(HIGHEST_MICROS, DIGITS);
        private long count;
        private long bytes;
        private long errors;

        long count() {
            return count;
        }

        long bytes() {
            return bytes;
        }

        long errors() {
            return errors;
        }

        SingleWriterRecorder micros() {
            return micros;
        }
    }

    Figures figures(Operation operation) {
        return figures[operation.ordinal()];
    }

    @Override
    public long blocks() {
        return device.blocks();
    }

    @Override
    public boolean volatileCache() {
        return device.volatileCache();
    }

    @Override
    public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
        int slot = begin(Operation.READ, (long) count * BLOCK_BYTES, completion, tag);
        device.read(block, count, into, index, this, slot);
    }

    @Override
    public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
        int slot = begin(Operation.WRITE, (long) count * BLOCK_BYTES, completion, tag);
        device.write(block, count, from, index, this, slot);
    }

    @Override
    public void flush(Completion completion, long tag) {
        int slot = begin(Operation.FLUSH, 0, completion, tag);
        device.flush(this, slot);
    }

    @Override
    public void discard(long block, long count, Completion completion, long tag) {
        int slot = begin(Operation.DISCARD, count * BLOCK_BYTES, completion, tag);
        device.discard(block, count, this, slot);
    }

    @Override
    public int inFlight() {
        return device.inFlight();
    }

    @Override
    public void close() {
        device.close();
    }

    @Override
    public void done(long tag, int errno) {
        int slot = (int) tag;
        Figures ended = figures[operations[slot]];
        long micros = (System.nanoTime() - startedNanos[slot]) / 1_000;
        ended.micros.recordValue(Math.clamp(micros, 0, HIGHEST_MICROS));
        if (errno != 0) {
            ended.errors++;
        }
        Completion completion = completions[slot];
        long given = tags[slot];
        free[freeCount++] = slot;
        completion.done(given, errno);
    }

    private int begin(Operation operation, long bytes, Completion completion, long tag) {
        if (freeCount == 0) {
            grow();
        }
        int slot = free[--freeCount];
        Figures begun = figures[operation.ordinal()];
        begun.count++;
        begun.bytes += bytes;
        completions[slot] = completion;
        tags[slot] = tag;
        operations[slot] = (byte) operation.ordinal();
        startedNanos[slot] = System.nanoTime();
        return slot;
    }

    private void grow() {
        int before = tags.length;
        if (before == MAX_SLOTS) {
            throw new IllegalStateException("more than " + MAX_SLOTS + " operations on one disk at once");
        }
        int after = before * 2;
        completions = java.util.Arrays.copyOf(completions, after);
        tags = java.util.Arrays.copyOf(tags, after);
        startedNanos = java.util.Arrays.copyOf(startedNanos, after);
        operations = java.util.Arrays.copyOf(operations, after);
        free = java.util.Arrays.copyOf(free, after);
        for (int slot = after - 1; slot >= before; slot--) {
            free[freeCount++] = slot;
        }
    }
}
