package storage.cairn.engine.store;

import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/**
 * Writes together what a long read found scattered over the disk: the bytes are at hand and verified, and the next such
 * read is one operation of the device instead of many.
 *
 * <p>Only stretches whose pieces are shorter than {@link #PIECE_BLOCKS} on average are worth it. So at most about that
 * many blocks are rewritten for each block that a host wrote in between, however often they are read. The rewriting is a
 * {@link Repair} of blocks that are not bad: writes to the stretch wait for it, and nothing is rewritten that changed
 * since it was read.
 */
final class Gather {
    /** Read at once and rewritten at once; shorter reads gain little. */
    static final int STRETCH_BLOCKS = 16;

    static final int PIECE_BLOCKS = 4;

    /** A busy device keeps each for many milliseconds: as many as keep up with a reader meanwhile. */
    static final int MOST_AT_ONCE = 128;

    /** The share of the disk that must be free beside it. */
    private static final int FREE_SHARE = 8;

    private final Disk disk;
    private final SlotAllocator allocator;
    private final Space space;
    private final Mutator mutator;
    private final Lookups lookups;
    private final BufferPool pool;
    private int underWay;

    Gather(Disk disk, SlotAllocator allocator, Space space, Mutator mutator, Lookups lookups, BufferPool pool) {
        this.disk = disk;
        this.allocator = allocator;
        this.space = space;
        this.mutator = mutator;
        this.lookups = lookups;
        this.pool = pool;
    }

    /** A read brought its bytes, all of them good, and still holds its slots. */
    void consider(Lookup read) {
        for (int from = 0; from + STRETCH_BLOCKS <= read.count; from += STRETCH_BLOCKS) {
            if (underWay < MOST_AT_ONCE && read.gaps(from, STRETCH_BLOCKS) * PIECE_BLOCKS >= STRETCH_BLOCKS) {
                consider(read, from);
            }
        }
    }

    private void consider(Lookup read, int from) {
        StoredReplica replica = read.replica();
        long block = read.block + from;
        if (!replica.serving()
                || replica.deleted()
                || !replica.held().isEmpty()
                || !replica.repairable(block, STRETCH_BLOCKS)
                || mutator.touches(replica, block, STRETCH_BLOCKS)
                || space.available(STRETCH_BLOCKS) < disk.layout.slots() / FREE_SHARE
                || !allocator.hasRun(STRETCH_BLOCKS)) {
            return;
        }
        int bytes = STRETCH_BLOCKS * BlockDevice.BLOCK_BYTES;
        Buffer copy = pool.acquire(bytes);
        if (copy == null) {
            return;
        }
        // A larger buffer is left for whoever needs one of that size: scrubbing reads whole extents.
        boolean spare = copy.capacity() == bytes;
        Lookup again = spare ? lookups.acquire(Lookup.Kind.REPAIR, block, STRETCH_BLOCKS) : null;
        if (again != null) {
            read.copyTo(copy, from, STRETCH_BLOCKS);
            again.expect(read, from, STRETCH_BLOCKS);
            again.epoch = replica.configuration().epoch();
            again.bufferIndex = 0;
            again.tag = 0;
            underWay++;
            disk.metrics.gatheredBytes += bytes;
            replica.repairs().add(block, STRETCH_BLOCKS);
            lookups.start(again, replica, copy);
        }
        copy.release();
    }

    void ended() {
        underWay--;
    }
}
