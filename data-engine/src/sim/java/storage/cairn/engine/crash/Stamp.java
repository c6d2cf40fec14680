package storage.cairn.engine.crash;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.sim.SimRandom;

/**
 * The content of a block that a crash test wrote: it names its write, and no byte of it is left to chance.
 *
 * <pre>
 *   0 u64 magic   8 u64 seed of the load   16 u64 index of the operation   24 u64 block
 *  32 u64 acks that had been printed when the write was submitted
 *  40 ... SplitMix64 numbers that follow from the five before          (all little-endian)
 * </pre>
 */
record Stamp(long seed, long index, long block, long acks) {
    private static final long MAGIC = 0x504d4154534e5243L;
    private static final int HEADER_BYTES = 40;

    /** Fills 4,096 bytes from {@code offset} on. */
    void writeTo(ByteBuffer bytes, int offset) {
        ByteBuffer at = blockOf(bytes, offset);
        at.putLong(0, MAGIC)
                .putLong(8, seed)
                .putLong(16, index)
                .putLong(24, block)
                .putLong(32, acks);
        SimRandom filler = filler();
        for (int i = HEADER_BYTES; i < BlockDevice.BLOCK_BYTES; i += Long.BYTES) {
            at.putLong(i, filler.nextLong());
        }
    }

    /** The stamp at {@code offset}, or null when what lies there is not a whole and untorn one. */
    static @Nullable Stamp readFrom(ByteBuffer bytes, int offset) {
        ByteBuffer at = blockOf(bytes, offset);
        if (at.getLong(0) != MAGIC) {
            return null;
        }
        Stamp stamp = new Stamp(at.getLong(8), at.getLong(16), at.getLong(24), at.getLong(32));
        SimRandom filler = stamp.filler();
        for (int i = HEADER_BYTES; i < BlockDevice.BLOCK_BYTES; i += Long.BYTES) {
            if (at.getLong(i) != filler.nextLong()) {
                return null;
            }
        }
        return stamp;
    }

    static boolean isZero(ByteBuffer bytes, int offset) {
        for (int i = offset; i < offset + BlockDevice.BLOCK_BYTES; i += Long.BYTES) {
            if (bytes.getLong(i) != 0) {
                return false;
            }
        }
        return true;
    }

    private SimRandom filler() {
        return new SimRandom(((seed * 31 + index) * 31 + block) * 31 + acks);
    }

    private static ByteBuffer blockOf(ByteBuffer bytes, int offset) {
        return bytes.slice(offset, BlockDevice.BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }
}
