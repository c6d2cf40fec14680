package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;

/**
 * Applies journal blocks at recovery. Records up to the watermark are applied as they come; the blocks above it are
 * kept, their data is verified (see {@link Verification}), and what does not hold is dropped: it cannot have been acked.
 */
final class Replay {
    /** More than can be unstable at once. */
    static final int WINDOW = 512;

    private final ExtentStore store;
    private final Disk disk;
    private final SlotAllocator allocator;
    private final Replicas replicas;
    private final Publisher publisher;
    private final Mem[] window;
    private final JournalRecord[] cursors;
    private final List<Aborted> aborted = new ArrayList<>();
    private long firstKept;
    private long lastKept;
    private long watermark;

    private record Aborted(int volume, long blockSeq, int offset) {}

    /** @param from first block that will come */
    Replay(
            ExtentStore store,
            Disk disk,
            SlotAllocator allocator,
            Replicas replicas,
            Publisher publisher,
            Mem[] window,
            long from) {
        this.store = store;
        this.disk = disk;
        this.allocator = allocator;
        this.replicas = replicas;
        this.publisher = publisher;
        this.window = window;
        this.cursors = new JournalRecord[window.length];
        for (int i = 0; i < window.length; i++) {
            cursors[i] = new JournalRecord(window[i], disk.layout);
        }
        this.firstKept = from;
        this.lastKept = from - 1;
        this.watermark = from - 1;
    }

    /** One more block, in order. */
    void block(Mem mem, int page) throws StoreException {
        long blockSeq = JournalBlock.blockSeq(mem, page);
        long stable = JournalBlock.stableThrough(mem, page);
        if (stable >= blockSeq) {
            throw new StoreException("journal block " + blockSeq + " says that " + stable + " is stable");
        }
        watermark = Math.max(watermark, stable);
        while (firstKept <= watermark) {
            applyBlock(firstKept++, null);
        }
        if (blockSeq - firstKept >= WINDOW) {
            throw new StoreException("journal block " + blockSeq + " leaves too many blocks unstable");
        }
        memOf(blockSeq).copy(pageOf(blockSeq), mem, page);
        lastKept = blockSeq;
        JournalRecord record = cursorOf(blockSeq);
        record.reset(pageOf(blockSeq));
        int records = 0;
        while (record.next()) {
            records++;
            if (record.type() == JournalRecord.ABORT) {
                aborted.add(new Aborted(record.volume(), record.abortedBlockSeq(), record.abortedOffset()));
            }
        }
        if (records != JournalBlock.records(mem, page)) {
            throw new StoreException("journal block " + blockSeq + " has " + records + " records");
        }
        if (aborted.size() > 100_000) {
            throw new StoreException("journal with too many aborted records");
        }
    }

    long firstKept() {
        return firstKept;
    }

    long lastKept() {
        return lastKept;
    }

    Mem memOf(long blockSeq) {
        return window[(int) (blockSeq % WINDOW) / PageWriter.PAGES];
    }

    JournalRecord cursorOf(long blockSeq) {
        return cursors[(int) (blockSeq % WINDOW) / PageWriter.PAGES];
    }

    int pageOf(long blockSeq) {
        return (int) (blockSeq % WINDOW) % PageWriter.PAGES;
    }

    boolean isAborted(int volume, long blockSeq, int offset) {
        return !aborted.isEmpty() && aborted.contains(new Aborted(volume, blockSeq, offset));
    }

    /** Applies the blocks above the watermark, but for the records that did not hold. */
    void applyKept(@Nullable Verification verification) throws StoreException {
        while (firstKept <= lastKept) {
            applyBlock(firstKept++, verification);
        }
    }

    private void applyBlock(long blockSeq, @Nullable Verification verification) throws StoreException {
        JournalRecord record = cursorOf(blockSeq);
        record.reset(pageOf(blockSeq));
        while (record.next()) {
            boolean dropped = verification != null && verification.dropped(blockSeq, record.offset());
            if (dropped) {
                disk.metrics.droppedRecords++;
            } else if (!isAborted(record.volume(), blockSeq, record.offset())) {
                disk.metrics.replayedRecords++;
                apply(record, blockSeq);
            }
        }
    }

    private void apply(JournalRecord record, long blockSeq) throws StoreException {
        if (record.type() == JournalRecord.CREATE) {
            Configuration configuration = ConfigurationCodec.decode(record.configuration());
            if (replicas.byNumber(record.volume()) != null || record.volume() < 1) {
                throw new StoreException("journal block " + blockSeq + " creates volume " + record.volume() + " again");
            }
            replicas.add(new StoredReplica(store, record.volume(), configuration), blockSeq);
            return;
        }
        StoredReplica replica = replicas.byNumber(record.volume());
        if (replica == null || replica.deleted()) {
            throw new StoreException(
                    "journal block " + blockSeq + " names volume " + record.volume() + ", which is not there");
        }
        switch (record.type()) {
            case JournalRecord.WRITE -> write(replica, record, blockSeq);
            case JournalRecord.MAP -> map(replica, record, blockSeq);
            case JournalRecord.ZERO -> {
                check(replica, record);
                replica.restoreCommit(record.commitSeq());
                boolean unmap = (record.flags() & JournalRecord.FLAG_UNMAP) != 0;
                publisher.zero(replica, record.wseq(), record.block(), record.count(), unmap, blockSeq);
                Replica.Kind kind = unmap ? Replica.Kind.UNMAP : Replica.Kind.ZERO;
                replica.applied(record.epoch(), record.wseq(), kind, record.block(), record.count(), blockSeq);
            }
            case JournalRecord.RESIZE -> {
                replica.restoreCommit(record.commitSeq());
                replica.resized(record.newBlocks(), true);
                replica.applied(record.epoch(), record.wseq(), Replica.Kind.RESIZE, record.newBlocks(), 0, blockSeq);
            }
            case JournalRecord.COMMIT -> replica.restoreCommit(record.wseq());
            case JournalRecord.EPOCH -> replica.configured(ConfigurationCodec.decode(record.configuration()), true);
            case JournalRecord.DELETE -> replicas.delete(replica, blockSeq);
            case JournalRecord.ABORT -> {}
            default -> throw new StoreException("journal block " + blockSeq + " has a record of type " + record.type());
        }
    }

    private static void check(StoredReplica replica, JournalRecord record) throws StoreException {
        if (record.block() + record.count() > replica.blocks()) {
            throw new StoreException("a record of volume " + replica.volume() + " reaches beyond its end");
        }
    }

    private void write(StoredReplica replica, JournalRecord record, long blockSeq) throws StoreException {
        check(replica, record);
        replica.restoreCommit(record.commitSeq());
        int i = 0;
        for (int run = 0; run < record.runs(); run++) {
            for (int j = 0; j < record.runLength(run); j++, i++) {
                long block = record.block() + i;
                long slot = record.runSlot(run) + j;
                claim(slot, blockSeq);
                publisher.map(replica, block, slot, record.crc(i), record.wseqLow(i), record.wseq(), blockSeq);
            }
        }
        replica.applied(record.epoch(), record.wseq(), Replica.Kind.WRITE, record.block(), record.count(), blockSeq);
    }

    private void map(StoredReplica replica, JournalRecord record, long blockSeq) throws StoreException {
        check(replica, record);
        int i = 0;
        for (int run = 0; run < record.runs(); run++) {
            boolean special = record.runSlot(run) <= ExtentPage.LAST_SPECIAL;
            for (int j = 0; j < record.runLength(run); j++, i++) {
                long slot = special ? record.runSlot(run) : record.runSlot(run) + j;
                if (!special) {
                    claim(slot, blockSeq);
                }
                long maxWseq = record.wseq();
                int crc = special ? 0 : record.crc(i);
                publisher.map(replica, record.block() + i, slot, crc, record.wseqLow(i), maxWseq, blockSeq);
            }
        }
        if ((record.flags() & JournalRecord.FLAG_REPAIR) == 0) {
            publisher.touch(replica, record.block(), record.wseq(), blockSeq);
        }
    }

    private void claim(long slot, long blockSeq) throws StoreException {
        if (!allocator.claim(slot)) {
            throw new StoreException("journal block " + blockSeq + " maps slot " + slot
                    + ", which is mapped already: the disk is damaged; replace it");
        }
    }
}
