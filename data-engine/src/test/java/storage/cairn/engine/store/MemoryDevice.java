package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;

/** A device of memory that is done at once; completions come when {@link #complete} is called. */
abstract class MemoryDevice implements BlockDevice {
    private static final int MOST = 4_096;

    private final Completion[] completions = new Completion[MOST];
    private final long[] tags = new long[MOST];
    private final long blocks;
    private int first;
    private int next;
    private long readBlocks;
    private long writtenBlocks;

    MemoryDevice(long blocks) {
        this.blocks = blocks;
    }

    abstract void load(long block, int count, ByteBuffer into, int at);

    abstract void store(long block, int count, ByteBuffer from, int at);

    /** All of it in one buffer, so below 2 GiB. */
    static MemoryDevice flat(int blocks) {
        return new Flat(blocks);
    }

    /** Blocks read so far. */
    long readBlocks() {
        return readBlocks;
    }

    /** Blocks written so far, of all kinds. */
    long writtenBlocks() {
        return writtenBlocks;
    }

    /** Reports what ended; false when nothing did. */
    boolean complete() {
        int end = next;
        boolean any = first != end;
        for (; first != end; first++) {
            completions[first & MOST - 1].done(tags[first & MOST - 1], 0);
        }
        return any;
    }

    private void end(Completion completion, long tag) {
        if (next - first == MOST) {
            throw new IllegalStateException("more than " + MOST + " operations in flight");
        }
        completions[next & MOST - 1] = completion;
        tags[next++ & MOST - 1] = tag;
    }

    @Override
    public final long blocks() {
        return blocks;
    }

    @Override
    public final boolean volatileCache() {
        return true;
    }

    @Override
    public final void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
        readBlocks += count;
        load(block, count, into.bytes(), index * BLOCK_BYTES);
        end(completion, tag);
    }

    @Override
    public final void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
        writtenBlocks += count;
        store(block, count, from.bytes(), index * BLOCK_BYTES);
        end(completion, tag);
    }

    @Override
    public final void flush(Completion completion, long tag) {
        end(completion, tag);
    }

    @Override
    public final void discard(long block, long count, Completion completion, long tag) {
        end(completion, tag);
    }

    @Override
    public final int inFlight() {
        return next - first;
    }

    @Override
    public final void close() {}

    private static final class Flat extends MemoryDevice {
        private final ByteBuffer bytes;

        Flat(int blocks) {
            super(blocks);
            bytes = ByteBuffer.allocateDirect(Math.multiplyExact(blocks, BLOCK_BYTES));
        }

        @Override
        void load(long block, int count, ByteBuffer into, int at) {
            into.put(at, bytes, (int) block * BLOCK_BYTES, count * BLOCK_BYTES);
        }

        @Override
        void store(long block, int count, ByteBuffer from, int at) {
            bytes.put((int) block * BLOCK_BYTES, from, at, count * BLOCK_BYTES);
        }
    }
}
