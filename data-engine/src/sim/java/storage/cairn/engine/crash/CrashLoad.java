package storage.cairn.engine.crash;

import storage.cairn.engine.sim.SimRandom;

/**
 * The operations of one boot of a crash test. They follow from the seed alone, so that whoever knows the seed and
 * which of them were acked knows what every block may hold.
 *
 * <p>Most are small and fall on a hot eighth of the volume, so that blocks are overwritten often; some are large.
 * Some zero or unmap: those keep to an eighth of their own, for zeroes do not tell who wrote them, and a lost write
 * of a block that may have been zeroed is hard to see.
 */
final class CrashLoad {
    /** Size of the volume that is written to. */
    static final int VOLUME_BLOCKS = 4096;

    /** Most blocks of one operation. */
    static final int MAX_BLOCKS = 256;

    private static final int HOT_BLOCKS = VOLUME_BLOCKS / 8;
    private static final int ZEROED_FROM = VOLUME_BLOCKS - HOT_BLOCKS;
    private static final int HOT_PER_MILLION = 650_000;
    private static final int ZEROED_PER_MILLION = 150_000;
    private static final int LARGE_PER_MILLION = 30_000;
    private static final int FEW_BLOCKS = 8;
    private static final int ZERO_PER_MILLION = 80_000;

    private final long seed;
    private final boolean singleBlocks;

    /**
     * @param singleBlocks every operation has one block: for targets that promise no atomicity beyond it
     */
    CrashLoad(long seed, boolean singleBlocks) {
        this.seed = seed;
        this.singleBlocks = singleBlocks;
    }

    long seed() {
        return seed;
    }

    /** The operation with a number, from 0. */
    Op op(long index) {
        SimRandom random = new SimRandom(seed * 0x2545f4914f6cdd1dL + index);
        boolean zero = random.chance(ZERO_PER_MILLION);
        int count = 1;
        if (!singleBlocks && random.chance(LARGE_PER_MILLION)) {
            count = 1 + random.below(MAX_BLOCKS);
        } else if (!singleBlocks && random.nextBoolean()) {
            count = 1 + random.below(FEW_BLOCKS);
        }
        int first = 0;
        int range = VOLUME_BLOCKS;
        if (zero || random.chance(ZEROED_PER_MILLION)) {
            first = ZEROED_FROM;
            range = HOT_BLOCKS;
        } else if (random.chance(HOT_PER_MILLION)) {
            range = HOT_BLOCKS;
        }
        int block = first + random.below(range - count + 1);
        Kind kind = !zero ? Kind.WRITE : random.nextBoolean() ? Kind.ZERO : Kind.UNMAP;
        return new Op(index, kind, block, count);
    }

    enum Kind {
        WRITE,
        ZERO,
        UNMAP
    }

    /**
     * @param index its number in the load
     * @param block first block
     */
    record Op(long index, Kind kind, int block, int count) {
        boolean overlaps(Op other) {
            return block < other.block + other.count && other.block < block + count;
        }
    }
}
