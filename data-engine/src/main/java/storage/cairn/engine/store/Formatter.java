package storage.cairn.engine.store;

import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;

/** Writes an empty store: wipes old superblocks and the start of the ring, then writes the four copies. */
final class Formatter {
    private static final int WIPED_BLOCKS = 256;

    private final Disk disk;
    private final Mem wiper;
    private final Superblocks superblocks;
    private final Label label;
    private final ExtentStore.Formatted done;
    private final BlockDevice.Completion wiped = this::wiped;
    private int pending;
    private boolean ended;

    private Formatter(Disk disk, BufferPool pool, Label label, ExtentStore.Formatted done) throws StoreException {
        this.disk = disk;
        this.label = label;
        this.done = done;
        this.wiper = Mem.acquire(pool, WIPED_BLOCKS);
        try {
            this.superblocks = new Superblocks(disk, Mem.acquire(pool, Layout.SUPERBLOCKS));
        } catch (StoreException e) {
            wiper.release();
            throw e;
        }
    }

    static void format(BlockDevice device, Label label, BufferPool pool, Clock clock, ExtentStore.Formatted done) {
        try {
            Disk disk = new Disk(device, clock, Layout.of(device.blocks()));
            Formatter formatter = new Formatter(disk, pool, label, done);
            disk.onFailure(() -> formatter.end(disk.failure()));
            formatter.run();
        } catch (StoreException problem) {
            String reason = String.valueOf(problem.getMessage());
            clock.execute(() -> done.done(reason));
        }
    }

    private void run() {
        for (int page = 0; page < WIPED_BLOCKS; page++) {
            wiper.clear(page);
        }
        Layout layout = disk.layout;
        pending = 1 + Layout.SUPERBLOCKS;
        disk.device.write(layout.journalStart(), WIPED_BLOCKS, wiper.buffer(), 0, wiped, 0);
        for (int copy = 0; copy < Layout.SUPERBLOCKS; copy++) {
            disk.device.write(layout.superblock(copy), 1, wiper.buffer(), 0, wiped, 0);
        }
    }

    private void wiped(long unused, int errno) {
        pending--;
        if (errno != 0) {
            disk.fail("the disk cannot be written: errno " + errno);
        }
        if (pending == 0 && !disk.failed()) {
            int run = (int) (label.disk().uuid().getMostSignificantBits() >>> 33);
            // Clean: a new disk has granted nothing to anybody, so it need not be silent at its first start.
            Superblock first = new Superblock(
                    label, 1, run, disk.layout, 1, 0, true, PageList.Root.NONE, 0, PageList.Root.NONE, 0, 0);
            superblocks.write(first, () -> end(null));
        }
    }

    private void end(@org.jspecify.annotations.Nullable String problem) {
        if (ended) {
            return;
        }
        ended = true;
        finish(problem);
    }

    private void finish(@org.jspecify.annotations.Nullable String problem) {
        if (disk.device.inFlight() > 0) {
            disk.clock.after(1_000_000, () -> finish(problem));
            return;
        }
        wiper.release();
        superblocks.release();
        done.done(problem);
    }
}
