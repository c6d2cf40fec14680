package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import storage.cairn.engine.port.BlockDevice;

/**
 * Reads the data of the records above the watermark, newest first, and tells which did not reach the disk.
 *
 * <p>Of each record only the blocks are looked at that no later valid record replaced: the slots of the others may have
 * been used again by right. Later records are judged first, so that is known when it is needed (invariant I20).
 */
final class Verification {
    /** What cannot be read is tried again: a record that is dropped for that may have been acked. */
    private static final int MAX_ATTEMPTS = 4;

    private record Candidate(long blockSeq, int offset, int count) {}

    private record Where(long blockSeq, int offset) {}

    private final Disk disk;
    private final Replay replay;
    private final Mem mem;
    private final Runnable then;
    private final BlockDevice.Completion dataRead = this::dataRead;
    private final List<Candidate> candidates = new ArrayList<>();
    private final Set<Where> dropped = new HashSet<>();
    private final Set<Integer> doubtful = new HashSet<>();
    private final Overlay replaced = new Overlay();
    private final boolean[] bad = new boolean[PageWriter.PAGES];
    private final long[] readFrom = new long[PageWriter.PAGES];
    private final int[] attempts = new int[PageWriter.PAGES];
    private int next;
    private int batchEnd;
    private int pending;

    /** @param mem 256 pages that nobody else uses */
    Verification(Disk disk, Replay replay, Mem mem, Runnable then) {
        this.disk = disk;
        this.replay = replay;
        this.mem = mem;
        this.then = then;
    }

    boolean dropped(long blockSeq, int offset) {
        return !dropped.isEmpty() && dropped.contains(new Where(blockSeq, offset));
    }

    /** Whether data of this volume could not be read at all, so that what was dropped may have been acked. */
    boolean doubtful(int volume) {
        return doubtful.contains(volume);
    }

    void run() throws StoreException {
        for (long blockSeq = replay.lastKept(); blockSeq >= replay.firstKept(); blockSeq--) {
            JournalRecord record = replay.cursorOf(blockSeq);
            record.reset(replay.pageOf(blockSeq));
            List<Candidate> inBlock = new ArrayList<>();
            while (record.next()) {
                int type = record.type();
                boolean ranged = type == JournalRecord.WRITE || type == JournalRecord.MAP || type == JournalRecord.ZERO;
                if (ranged && !replay.isAborted(record.volume(), blockSeq, record.offset())) {
                    inBlock.add(new Candidate(blockSeq, record.offset(), record.count()));
                }
            }
            candidates.addAll(inBlock.reversed());
        }
        batch();
    }

    private JournalRecord seek(Candidate candidate) {
        JournalRecord record = replay.cursorOf(candidate.blockSeq());
        record.seek(replay.pageOf(candidate.blockSeq()), candidate.offset());
        return record;
    }

    private void batch() {
        if (next == candidates.size()) {
            disk.clock.execute(then);
            return;
        }
        int used = 0;
        pending = 1;
        batchEnd = next;
        for (; batchEnd < candidates.size(); batchEnd++) {
            JournalRecord record = seek(candidates.get(batchEnd));
            if (record.type() == JournalRecord.ZERO) {
                continue;
            }
            if (used + record.count() > PageWriter.PAGES) {
                break;
            }
            used = read(record, used);
        }
        if (--pending == 0) {
            disk.clock.execute(this::judge);
        }
    }

    private int read(JournalRecord record, int from) {
        int at = from;
        for (int run = 0; run < record.runs(); run++) {
            int length = record.runLength(run);
            if (record.runSlot(run) > ExtentPage.LAST_SPECIAL) {
                pending++;
                readFrom[at] = record.runSlot(run);
                attempts[at] = 1;
                disk.device.read(record.runSlot(run), length, mem.buffer(), at, dataRead, (long) at << 16 | length);
            }
            at += length;
        }
        return at;
    }

    private void dataRead(long which, int errno) {
        int from = (int) (which >>> 16);
        int length = (int) (which & 0xffff);
        if (errno != 0 && attempts[from] < MAX_ATTEMPTS) {
            attempts[from]++;
            disk.device.read(readFrom[from], length, mem.buffer(), from, dataRead, which);
            return;
        }
        for (int i = from; i < from + length; i++) {
            bad[i] = errno != 0;
        }
        if (--pending == 0) {
            judge();
        }
    }

    private void judge() {
        int at = 0;
        for (; next < batchEnd; next++) {
            Candidate candidate = candidates.get(next);
            JournalRecord record = seek(candidate);
            if (record.type() == JournalRecord.ZERO) {
                replace(record);
                continue;
            }
            boolean holds = true;
            boolean unreadable = false;
            int i = 0;
            for (int run = 0; run < record.runs(); run++) {
                boolean slots = record.runSlot(run) > ExtentPage.LAST_SPECIAL;
                for (int j = 0; j < record.runLength(run); j++, i++) {
                    if (slots && !isReplaced(Overlay.key(record.volume(), record.block() + i))) {
                        holds &= !bad[at + i] && mem.crc(at + i) == record.crc(i);
                        unreadable |= bad[at + i];
                    }
                }
            }
            at += record.count();
            if (holds) {
                replace(record);
            } else {
                dropped.add(new Where(candidate.blockSeq(), candidate.offset()));
                if (unreadable) {
                    doubtful.add(record.volume());
                }
            }
        }
        batch();
    }

    private boolean isReplaced(long key) {
        OverlaySegment segment = replaced.segmentOf(key >>> 8);
        if (segment.find(key) != OverlaySegment.NONE) {
            return true;
        }
        int extent = segment.findExtent(key >>> 8);
        return extent != OverlaySegment.NONE && segment.base(extent) != OverlaySegment.NO_BASE;
    }

    private void replace(JournalRecord record) {
        long end = record.block() + record.count();
        for (long block = record.block(); block < end; ) {
            if (block % Replica.EXTENT_BLOCKS == 0 && block + Replica.EXTENT_BLOCKS <= end) {
                long key = Overlay.extentKey(record.volume(), block / Replica.EXTENT_BLOCKS);
                replaced.base(key, ExtentPage.ZERO, 0, 0);
                block += Replica.EXTENT_BLOCKS;
            } else {
                replaced.put(Overlay.key(record.volume(), block), ExtentPage.ZERO, 0, 0, 0);
                block++;
            }
        }
    }
}
