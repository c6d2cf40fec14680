package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;

/**
 * The four superblock copies of a disk: writes them two by two with a flush before, between and after, reads them and
 * tells which counts.
 */
final class Superblocks {
    private final Disk disk;
    private final Mem mem;
    private final BlockDevice.Completion copyWritten = this::copyWritten;
    private final BlockDevice.Completion flushed = this::flushed;
    private final BlockDevice.Completion copyRead = this::copyRead;
    private final int[] readErrno = new int[Layout.SUPERBLOCKS];
    private @Nullable Runnable then;
    private int written;
    private int pending;

    Superblocks(Disk disk, Mem mem) {
        this.disk = disk;
        this.mem = mem;
    }

    /** Flushes, writes copies 0 and 1, flushes, writes 2 and 3, flushes; then runs {@code next}. */
    void write(Superblock superblock, Runnable next) {
        for (int copy = 0; copy < Layout.SUPERBLOCKS; copy++) {
            superblock.encode(mem, copy, copy);
        }
        then = next;
        written = 0;
        flush();
    }

    private void flush() {
        disk.metrics.flushes++;
        disk.device.flush(flushed, written);
    }

    private void flushed(long after, int errno) {
        if (disk.failed()) {
            return;
        }
        if (errno != 0) {
            disk.fail(
                    "flush failed with errno " + errno + ": what was written before it may be lost; replace the disk");
        } else if (written == Layout.SUPERBLOCKS) {
            Runnable next = then;
            then = null;
            if (next != null) {
                next.run();
            }
        } else {
            pending = 2;
            writeCopy(written++);
            writeCopy(written++);
        }
    }

    private void writeCopy(int copy) {
        disk.device.write(disk.layout.superblock(copy), 1, mem.buffer(), copy, copyWritten, copy);
    }

    private void copyWritten(long copy, int errno) {
        if (errno != 0) {
            disk.fail("write of superblock copy " + copy + " failed with errno " + errno
                    + ": replace the disk; its replicas are rebuilt from others");
        }
        if (--pending == 0 && !disk.failed()) {
            flush();
        }
    }

    /** Reads all copies; then runs {@code next}. */
    void read(Runnable next) {
        then = next;
        pending = Layout.SUPERBLOCKS;
        for (int copy = 0; copy < Layout.SUPERBLOCKS; copy++) {
            disk.device.read(disk.layout.superblock(copy), 1, mem.buffer(), copy, copyRead, copy);
        }
    }

    /** Writes {@code superblock} over all copies that are not it, never touching two that are; flushes; runs next. */
    void rewrite(Superblock superblock, Runnable next) throws StoreException {
        then = next;
        pending = 1;
        written = Layout.SUPERBLOCKS;
        for (int copy = 0; copy < Layout.SUPERBLOCKS; copy++) {
            Superblock held = readErrno[copy] == 0 ? Superblock.decode(mem, copy, copy, disk.layout.devBlocks()) : null;
            if (!superblock.equals(held)) {
                pending++;
                superblock.encode(mem, copy, copy);
                writeCopy(copy);
            }
        }
        if (--pending == 0) {
            flush();
        }
    }

    private void copyRead(long copy, int errno) {
        readErrno[(int) copy] = errno;
        if (--pending == 0) {
            Runnable next = then;
            then = null;
            if (next != null) {
                next.run();
            }
        }
    }

    /** The superblock with the highest number that at least two copies agree on. */
    Superblock newest() throws StoreException {
        @Nullable Superblock[] copies = new Superblock[Layout.SUPERBLOCKS];
        int whole = 0;
        StoreException refused = null;
        for (int copy = 0; copy < Layout.SUPERBLOCKS; copy++) {
            try {
                copies[copy] =
                        readErrno[copy] == 0 ? Superblock.decode(mem, copy, copy, disk.layout.devBlocks()) : null;
            } catch (StoreException e) {
                refused = e;
            }
            whole += copies[copy] == null ? 0 : 1;
        }
        Superblock best = null;
        for (int i = 0; i < copies.length; i++) {
            Superblock candidate = copies[i];
            for (int j = i + 1; candidate != null && j < copies.length; j++) {
                boolean newer = best == null || candidate.sequence() > best.sequence();
                if (newer && candidate.equals(copies[j])) {
                    best = candidate;
                }
            }
        }
        if (best == null) {
            throw refused != null
                    ? refused
                    : new StoreException(
                            whole == 0
                                    ? "no superblock found: the disk was never formatted by Cairn, or is another one"
                                    : "no two superblock copies agree (" + whole
                                            + " are whole): the disk is damaged; replace it");
        }
        return best;
    }

    /** The highest number on any whole copy, also on one that stands alone. */
    long highestSequence() throws StoreException {
        long highest = 0;
        for (int copy = 0; copy < Layout.SUPERBLOCKS; copy++) {
            Superblock superblock =
                    readErrno[copy] == 0 ? Superblock.decode(mem, copy, copy, disk.layout.devBlocks()) : null;
            highest = superblock == null ? highest : Math.max(highest, superblock.sequence());
        }
        return highest;
    }

    void release() {
        mem.release();
    }
}
