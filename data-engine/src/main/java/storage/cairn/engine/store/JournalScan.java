package storage.cairn.engine.store;

import storage.cairn.engine.port.BlockDevice;

/**
 * Reads the journal ring at recovery: the blocks that follow the checkpoint, up to the first that is not valid, and then
 * whether a later block of the same run is there (which means damage in the middle).
 */
final class JournalScan {
    interface Block {
        /** One more valid block, in order. */
        void block(Mem mem, int page) throws StoreException;
    }

    interface Ended {
        void ended(@org.jspecify.annotations.Nullable StoreException problem);
    }

    private static final int READS = 4;

    private final Disk disk;
    private final Mem[] mems;
    private final Superblock superblock;
    private final int diskLow;
    private final Block each;
    private final Ended ended;
    private final BlockDevice.Completion partRead = this::partRead;
    private final long[] firsts = new long[READS];
    private final int[] counts = new int[READS];
    private final int[] attempts = new int[READS];
    private long next;
    private int parts;
    private int pending;
    private long firstBad = -1;
    private int lastCrc;
    private long highestSeen;
    private boolean damaged;
    private boolean failed;

    JournalScan(Disk disk, Mem[] mems, Superblock superblock, Block each, Ended ended) {
        this.disk = disk;
        this.mems = mems;
        this.superblock = superblock;
        this.diskLow = (int) superblock.label().disk().uuid().getLeastSignificantBits();
        this.each = each;
        this.ended = ended;
        this.next = superblock.replayFrom();
        this.lastCrc = superblock.previousCrc();
        this.highestSeen = superblock.replayFrom() - 1;
    }

    /** Last valid block, before the first that is not. */
    long last() {
        return firstBad - 1;
    }

    int lastCrc() {
        return lastCrc;
    }

    long highestSeen() {
        return highestSeen;
    }

    boolean damaged() {
        return damaged;
    }

    void run() {
        long end = superblock.replayFrom() + disk.layout.journalBlocks();
        if (next >= end || superblock.clean()) {
            if (firstBad < 0) {
                firstBad = next;
            }
            ended.ended(null);
            return;
        }
        parts = 0;
        long at = next;
        while (parts < READS && at < end) {
            long position = at % disk.layout.journalBlocks();
            long most = Math.min(disk.layout.journalBlocks() - position, end - at);
            firsts[parts] = at;
            attempts[parts] = 1;
            counts[parts] = (int) Math.min(most, mems[parts].pages());
            at += counts[parts++];
        }
        next = at;
        pending = parts;
        int count = parts;
        for (int i = 0; i < count; i++) {
            disk.device.read(disk.layout.journalBlock(firsts[i]), counts[i], mems[i].buffer(), 0, partRead, i);
        }
    }

    private void partRead(long part, int errno) {
        int i = (int) part;
        if (errno != 0 && attempts[i] < Disk.PAGE_ATTEMPTS) {
            attempts[i]++;
            disk.device.read(disk.layout.journalBlock(firsts[i]), counts[i], mems[i].buffer(), 0, partRead, i);
            return;
        }
        failed |= errno != 0;
        if (--pending > 0) {
            return;
        }
        try {
            if (failed) {
                throw new StoreException("the journal ring cannot be read from block " + firsts[0]
                        + " on: replace the disk; its replicas are rebuilt from others");
            }
            for (int p = 0; p < parts; p++) {
                look(p);
            }
        } catch (StoreException problem) {
            ended.ended(problem);
            return;
        }
        run();
    }

    private void look(int part) throws StoreException {
        Mem mem = mems[part];
        for (int page = 0; page < counts[part]; page++) {
            long blockSeq = firsts[part] + page;
            boolean valid = JournalBlock.valid(mem, page, blockSeq, superblock.runId(), diskLow);
            if (firstBad >= 0) {
                if (valid) {
                    highestSeen = blockSeq;
                    damaged |= blockSeq >= firstBad + Journal.MAX_UNDURABLE;
                }
            } else if (valid && JournalBlock.previousCrc(mem, page) == lastCrc) {
                each.block(mem, page);
                lastCrc = JournalBlock.crc(mem, page);
                highestSeen = blockSeq;
            } else {
                firstBad = blockSeq;
            }
        }
    }
}
