package storage.cairn.engine.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;

/**
 * Extent and index pages in memory, by slot: a fixed number of frames, the least recently used (by one bit) goes.
 *
 * <p>Pages on disk never change, so a frame is right for as long as slot and checksum are those of the reference.
 */
final class PageCache {
    private static final int NONE = -1;
    private static final int MOST_READS = 3;
    private static final int MEM_PAGES = BufferPool.MAX_BYTES / Mem.PAGE;

    private final Disk disk;
    private final Mem[] mems;
    private final long[] slots;
    private final int[] crcs;
    private final boolean[] loading;
    private final boolean[] used;
    /** How often the page that is being loaded was read. */
    private final byte[] reads;

    private final @Nullable PageWaiter[] waiters;
    private final int[] buckets;
    private final int[] nexts;
    private final BlockDevice.Completion loaded = this::loaded;

    private @Nullable PageWaiter firstForFrame;
    private @Nullable PageWaiter lastForFrame;
    private int hand;

    PageCache(Disk disk, BufferPool pool, int bytes) throws StoreException {
        this.disk = disk;
        int frames = bytes / Mem.PAGE;
        mems = new Mem[frames / MEM_PAGES];
        for (int i = 0; i < mems.length; i++) {
            try {
                mems[i] = Mem.acquire(pool, MEM_PAGES);
            } catch (StoreException e) {
                release(i);
                throw e;
            }
        }
        slots = new long[frames];
        crcs = new int[frames];
        loading = new boolean[frames];
        used = new boolean[frames];
        reads = new byte[frames];
        waiters = new PageWaiter[frames];
        buckets = new int[Integer.highestOneBit(frames) * 2];
        nexts = new int[frames];
        Arrays.fill(buckets, NONE);
    }

    /** Frame that holds the page now, or -1. */
    int find(long slot, int crc) {
        int frame = frameOf(slot);
        if (frame == NONE || loading[frame] || crcs[frame] != crc) {
            return NONE;
        }
        used[frame] = true;
        disk.metrics.cacheHits++;
        return frame;
    }

    Mem mem(int frame) {
        return mems[frame / MEM_PAGES];
    }

    int page(int frame) {
        return frame % MEM_PAGES;
    }

    /** Brings a page in; {@code waiter} hears of it, never inside this call. */
    void load(long slot, int crc, PageWaiter waiter) {
        waiter.pageLost = false;
        int frame = frameOf(slot);
        if (frame != NONE && loading[frame]) {
            waiter.nextWaiter = waiters[frame];
            waiters[frame] = waiter;
            return;
        }
        if (frame != NONE) {
            evict(frame);
        } else {
            frame = victim();
        }
        if (frame == NONE) {
            waiter.nextWaiter = null;
            if (lastForFrame == null) {
                firstForFrame = waiter;
            } else {
                lastForFrame.nextWaiter = waiter;
            }
            lastForFrame = waiter;
            return;
        }
        disk.metrics.cacheMisses++;
        insert(frame, slot, crc);
        loading[frame] = true;
        reads[frame] = 1;
        waiter.nextWaiter = null;
        waiters[frame] = waiter;
        disk.device.read(slot, 1, mem(frame).buffer(), page(frame), loaded, frame);
    }

    /** Keeps a copy of a page that was just written. */
    void put(long slot, int crc, Mem from, int fromPage) {
        int frame = frameOf(slot);
        if (frame == NONE) {
            frame = victim();
        } else if (loading[frame]) {
            return;
        } else {
            evict(frame);
        }
        if (frame != NONE) {
            insert(frame, slot, crc);
            mem(frame).copy(page(frame), from, fromPage);
        }
    }

    /** Forgets a page that nothing will refer to any more. */
    void drop(long slot) {
        int frame = frameOf(slot);
        if (frame != NONE && !loading[frame]) {
            evict(frame);
        }
    }

    /** Gives the memory back. Only when nothing is in flight. */
    void release() {
        release(mems.length);
    }

    private void release(int count) {
        for (int i = 0; i < count; i++) {
            mems[i].release();
        }
    }

    private void loaded(long tag, int errno) {
        int frame = (int) tag;
        boolean good = errno == 0 && mem(frame).crc(page(frame)) == crcs[frame];
        if (!good && reads[frame] < MOST_READS && !disk.failed()) {
            // What is given up here is a whole extent, or the disk: a passing error must not do that.
            reads[frame]++;
            disk.metrics.checksumErrors++;
            disk.device.read(slots[frame], 1, mem(frame).buffer(), page(frame), loaded, frame);
            return;
        }
        loading[frame] = false;
        if (!good) {
            disk.metrics.checksumErrors++;
            evict(frame);
        }
        PageWaiter waiter = waiters[frame];
        waiters[frame] = null;
        PageWaiter starved = firstForFrame;
        firstForFrame = null;
        lastForFrame = null;
        wake(waiter, !good);
        wake(starved, false);
    }

    private static void wake(@Nullable PageWaiter first, boolean lost) {
        PageWaiter waiter = first;
        while (waiter != null) {
            PageWaiter following = waiter.nextWaiter;
            waiter.nextWaiter = null;
            waiter.pageLost = lost;
            waiter.pageReady();
            waiter = following;
        }
    }

    private int victim() {
        for (int i = 0; i < slots.length * 2; i++) {
            int frame = hand;
            hand = hand + 1 == slots.length ? 0 : hand + 1;
            if (slots[frame] == 0) {
                return frame;
            }
            if (!loading[frame]) {
                if (!used[frame]) {
                    evict(frame);
                    return frame;
                }
                used[frame] = false;
            }
        }
        return NONE;
    }

    private int bucket(long slot) {
        return (int) Overlay.hash(slot) & buckets.length - 1;
    }

    private int frameOf(long slot) {
        for (int frame = buckets[bucket(slot)]; frame != NONE; frame = nexts[frame]) {
            if (slots[frame] == slot) {
                return frame;
            }
        }
        return NONE;
    }

    private void insert(int frame, long slot, int crc) {
        int bucket = bucket(slot);
        slots[frame] = slot;
        crcs[frame] = crc;
        used[frame] = true;
        nexts[frame] = buckets[bucket];
        buckets[bucket] = frame;
    }

    private void evict(int frame) {
        int bucket = bucket(slots[frame]);
        if (buckets[bucket] == frame) {
            buckets[bucket] = nexts[frame];
        } else {
            int before = buckets[bucket];
            while (nexts[before] != frame) {
                before = nexts[before];
            }
            nexts[before] = nexts[frame];
        }
        slots[frame] = 0;
        used[frame] = false;
    }
}
