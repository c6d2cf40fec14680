package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;

/**
 * Gathers up to 256 pages of a checkpoint and writes them together, neighbours in one operation.
 *
 * <p>While there is space, slots are taken in runs, so that a checkpoint between single free slots is a few long writes
 * instead of hundreds of short ones, behind which the writes of hosts would wait. What is left of a run goes back when
 * the pages are written.
 */
final class PageWriter {
    static final int PAGES = BufferPool.MAX_BYTES / Mem.PAGE;

    private static final int RUN = 64;

    /** The share of the disk that must be free for runs. */
    private static final int FREE_SHARE = 64;

    private final Disk disk;
    private final SlotAllocator allocator;
    private final Mem mem;
    private final long[] slots = new long[PAGES];
    private final BlockDevice.Completion written = this::written;
    private final Runnable complete = this::complete;
    private int count;
    private int pending;
    private @Nullable Runnable then;
    private long writtenPages;
    private long runSlot;
    private int runLeft;

    PageWriter(Disk disk, SlotAllocator allocator, BufferPool pool) throws StoreException {
        this.disk = disk;
        this.allocator = allocator;
        this.mem = Mem.acquire(pool, PAGES);
    }

    Mem mem() {
        return mem;
    }

    int room() {
        return PAGES - count;
    }

    /** A page to be filled in; it is written only when it is given a {@link #place}. */
    int add() {
        if (pending > 0 || count == PAGES) {
            throw new IllegalStateException("no room for another page");
        }
        slots[count] = 0;
        return count++;
    }

    /** Takes a slot for a page and returns it; -1 (and the disk has failed) when there is none. */
    long place(int page) {
        if (runLeft == 0) {
            boolean roomy = allocator.free() >= disk.layout.slots() / FREE_SHARE + RUN;
            runSlot = allocator.allocate(roomy ? RUN : 1);
            if (runSlot < 0) {
                disk.fail("no slot is left for a page of the checkpoint: the space kept aside was too small");
                return -1;
            }
            runLeft = allocator.runLength();
        }
        long slot = runSlot++;
        runLeft--;
        allocator.moveToPages(slot);
        slots[page] = slot;
        return slot;
    }

    /** Gives a page a slot that was taken before. */
    void place(int page, long slot) {
        slots[page] = slot;
    }

    /** Writes what was gathered; {@code next} runs when all of it is written, never inside this call. */
    void write(Runnable next) {
        for (; runLeft > 0; runLeft--) {
            allocator.releaseOverlay(runSlot++);
        }
        pending = 1;
        then = next;
        for (int i = 0; i < count; ) {
            int length = 1;
            if (slots[i] != 0) {
                while (i + length < count && slots[i + length] == slots[i] + length) {
                    length++;
                }
                pending++;
                writtenPages += length;
                disk.metrics.checkpointBytes += (long) length * Mem.PAGE;
                disk.device.write(slots[i], length, mem.buffer(), i, written, slots[i]);
            }
            i += length;
        }
        count = 0;
        if (pending == 1) {
            disk.clock.execute(complete);
        } else {
            complete();
        }
    }

    long writtenPages() {
        return writtenPages;
    }

    private void written(long slot, int errno) {
        if (errno != 0) {
            disk.fail("write of a page at block " + slot + " failed with errno " + errno
                    + ": replace the disk; its replicas are rebuilt from others");
        }
        complete();
    }

    private void complete() {
        if (--pending == 0 && !disk.failed()) {
            Runnable next = then;
            then = null;
            if (next != null) {
                next.run();
            }
        }
    }
}
