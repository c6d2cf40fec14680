package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;

/**
 * The journal ring: gathers records into blocks and makes them durable in groups.
 *
 * <p>A block is <i>open</i> (records are added), <i>sealed</i> (being written), <i>durable</i> (it and all before it are
 * on the medium) and <i>stable</i> (also the data of all its records is, or an ABORT that is durable names those whose
 * data is not). With a volatile cache a block and its data become durable by a flush submitted after their completions;
 * otherwise by the completions. At most {@link #MAX_UNDURABLE} blocks are sealed and not durable, so that recovery knows
 * a gap from damage; at most {@link #MAX_UNSTABLE} not stable, so that recovery has few records to verify.
 *
 * <p>A group is what one flush covers (or one block, without a volatile cache). The open block is sealed at once when
 * nothing is under way, so at depth 1 nothing waits; otherwise when it is full, or when it has gathered as many records
 * as are under way and, with a volatile cache, the group before is in its flush already. So the groups share the load:
 * one is flushed while the next fills.
 */
final class Journal {
    static final int MAX_UNDURABLE = 4;
    static final int MAX_UNSTABLE = 256;

    /** Ring blocks kept for ABORTs and what is on its way already, when changes are admitted. */
    static final int RING_RESERVE = 64;

    /** Pages of memory: each block has its own until it is written. */
    static final int PAGES = 16;

    private static final int RING = 512;

    interface Listener {
        /** The block of this record and all before it are durable, and with a volatile cache its data too. */
        void durable(Mutation mutation);

        /** An operation of the journal ended: the store goes on with what waited for it. */
        void turn();
    }

    private final Disk disk;
    private final Mem mem;
    private final Listener listener;
    private final boolean writeBack;
    private final int runId;
    private final int diskLow;
    private final BlockDevice.Completion blockWritten = this::blockWritten;
    private final BlockDevice.Completion flushed = this::flushed;

    private final @Nullable Mutation[] firsts = new Mutation[RING];
    private final @Nullable Mutation[] lasts = new Mutation[RING];
    private final int[] records = new int[RING];
    private final int[] dataPending = new int[RING];
    private final int[] abortsPending = new int[RING];
    private final boolean[] written = new boolean[RING];

    private final MutationQueue waiting = new MutationQueue();
    private long openSeq;
    private int openUsed;
    private int openRecords;
    private int previousCrc;
    private long durableThrough;
    private long stableThrough;
    private long releasedThrough;
    private long flushCovers;
    private int recordsUnderWay;

    /** @param firstSeq number of the first block of this run */
    Journal(Disk disk, Mem mem, Listener listener, int runId, int diskLow, long firstSeq, int previousCrc) {
        this.disk = disk;
        this.mem = mem;
        this.listener = listener;
        this.writeBack = disk.device.volatileCache();
        this.runId = runId;
        this.diskLow = diskLow;
        this.previousCrc = previousCrc;
        this.openSeq = firstSeq;
        this.durableThrough = firstSeq - 1;
        this.stableThrough = firstSeq - 1;
        this.releasedThrough = firstSeq - 1;
        this.flushCovers = firstSeq - 1;
        open();
    }

    int runId() {
        return runId;
    }

    long stableThrough() {
        return stableThrough;
    }

    long durableThrough() {
        return durableThrough;
    }

    /** Highest block that takes no more records. */
    long sealedThrough() {
        return openSeq - 1;
    }

    /** Checksum of the last sealed block. */
    int sealedCrc() {
        return previousCrc;
    }

    /** Blocks that a recovery would replay. */
    long ringUsed() {
        return openSeq - releasedThrough;
    }

    boolean idle() {
        return openRecords == 0 && waiting.isEmpty() && stableThrough == openSeq - 1;
    }

    /** Whether another change may be admitted, as far as the ring goes. */
    boolean hasRoom() {
        return ringUsed() + waiting.size() < disk.layout.journalBlocks() - RING_RESERVE;
    }

    /** A durable checkpoint holds everything up to {@code blockSeq}. */
    void release(long blockSeq) {
        releasedThrough = Math.max(releasedThrough, blockSeq);
    }

    /** Adds the record of a mutation, as soon as there is room. {@link #turn} seals it. */
    void append(Mutation mutation) {
        if (!waiting.isEmpty() || !fits(length(mutation))) {
            waiting.add(mutation);
        } else {
            encode(mutation);
        }
    }

    /** Takes back a mutation whose record has not been written to a block yet. */
    boolean withdraw(Mutation mutation) {
        return mutation.blockSeq == 0 && waiting.remove(mutation);
    }

    /** Tells a commitSeq in the open block, when there is one that has room and would be written anyway. */
    void commit(int volume, long commitSeq) {
        if (openRecords > 0 && waiting.isEmpty() && openUsed + JournalRecord.BARE_BYTES <= Mem.PAGE) {
            int at = Mem.at(openPage()) + openUsed;
            JournalRecord.head(mem, at, JournalRecord.COMMIT, 0, JournalRecord.BARE_BYTES, volume, commitSeq);
            openUsed += JournalRecord.BARE_BYTES;
            openRecords++;
        }
    }

    /** The device has taken all data of a mutation, well or badly. */
    void dataDone(Mutation mutation) {
        if (mutation.blockSeq != 0) {
            dataPending[slot(mutation.blockSeq)]--;
            if (mutation.dataFailed) {
                abortsPending[slot(mutation.blockSeq)]++;
            }
        }
    }

    /** The ABORT that names {@code mutation} is durable. */
    void aborted(Mutation mutation) {
        abortsPending[slot(mutation.blockSeq)]--;
    }

    /** Goes on with whatever can go on. Called at the end of each event. */
    void turn() {
        if (disk.failed()) {
            return;
        }
        advance();
        while (sealable()) {
            seal();
            while (!waiting.isEmpty() && fits(length(waiting.peek()))) {
                Mutation mutation = waiting.poll();
                if (mutation != null) {
                    encode(mutation);
                }
            }
        }
    }

    /** Seals what is open, whether or not it is worth it, if the bounds allow: a checkpoint wants its cut. */
    void cut() {
        if (openRecords > 0 && mayHaveAnotherSealed()) {
            seal();
        }
    }

    private void advance() {
        if (!writeBack) {
            while (durableThrough < sealedThrough() && written[slot(durableThrough + 1)]) {
                becomeDurable(durableThrough + 1);
            }
        } else if (flushCovers == durableThrough) {
            long covers = flushCovers;
            while (covers < sealedThrough() && written[slot(covers + 1)] && dataPending[slot(covers + 1)] == 0) {
                covers++;
            }
            if (covers > flushCovers) {
                flushCovers = covers;
                disk.metrics.flushes++;
                disk.device.flush(flushed, covers);
            }
        }
        while (stableThrough < durableThrough
                && dataPending[slot(stableThrough + 1)] == 0
                && abortsPending[slot(stableThrough + 1)] == 0) {
            stableThrough++;
        }
    }

    private void becomeDurable(long blockSeq) {
        durableThrough = blockSeq;
        int at = slot(blockSeq);
        recordsUnderWay -= records[at];
        Mutation mutation = firsts[at];
        firsts[at] = null;
        lasts[at] = null;
        while (mutation != null) {
            Mutation following = mutation.nextInBlock;
            mutation.nextInBlock = null;
            mutation.journalDurable = true;
            listener.durable(mutation);
            mutation = following;
        }
    }

    private boolean mayHaveAnotherSealed() {
        long unstable = openSeq - stableThrough;
        // Where only an ABORT is missing, more blocks must be written: it is in one of them.
        boolean bounded = unstable < MAX_UNSTABLE || (dataPending[slot(stableThrough + 1)] == 0 && unstable < RING - 1);
        return sealedThrough() - durableThrough < MAX_UNDURABLE
                && bounded
                && ringUsed() < disk.layout.journalBlocks() - 1;
    }

    private boolean sealable() {
        if (openRecords == 0 || !mayHaveAnotherSealed()) {
            return false;
        }
        if (recordsUnderWay == 0 || !waiting.isEmpty()) {
            return true;
        }
        return openRecords >= recordsUnderWay && (!writeBack || sealedThrough() == flushCovers);
    }

    private void seal() {
        int page = openPage();
        int at = slot(openSeq);
        int crc = JournalBlock.seal(
                mem, page, openSeq, runId, previousCrc, stableThrough, openRecords, openUsed, diskLow);
        records[at] = openRecords;
        previousCrc = crc;
        recordsUnderWay += openRecords;
        disk.metrics.journalBlocks++;
        long sealed = openSeq++;
        open();
        disk.device.write(disk.layout.journalBlock(sealed), 1, mem.buffer(), page, blockWritten, sealed);
    }

    private void open() {
        openUsed = JournalBlock.HEADER;
        openRecords = 0;
        mem.clear(openPage());
        int at = slot(openSeq);
        written[at] = false;
        dataPending[at] = 0;
        abortsPending[at] = 0;
        records[at] = 0;
    }

    private void blockWritten(long blockSeq, int errno) {
        if (disk.failed()) {
            return;
        }
        if (errno != 0) {
            disk.fail("write of journal block " + blockSeq + " failed with errno " + errno
                    + ": replace the disk; its replicas are rebuilt from others");
            return;
        }
        written[slot(blockSeq)] = true;
        listener.turn();
    }

    private void flushed(long covers, int errno) {
        if (disk.failed()) {
            return;
        }
        if (errno != 0) {
            disk.fail(
                    "flush failed with errno " + errno + ": what was written before it may be lost; replace the disk");
            return;
        }
        while (durableThrough < covers) {
            becomeDurable(durableThrough + 1);
        }
        listener.turn();
    }

    private boolean fits(int length) {
        return openUsed + length <= Mem.PAGE;
    }

    private int openPage() {
        return (int) (openSeq % PAGES);
    }

    private static int slot(long blockSeq) {
        return (int) (blockSeq & RING - 1);
    }

    private static int length(@Nullable Mutation m) {
        if (m == null) {
            return 0;
        }
        return switch (m.kind) {
            case WRITE -> JournalRecord.writeBytes(m.runCount, m.count);
            case RESYNC, REPAIR -> JournalRecord.mapBytes(m.runCount, m.count);
            case ZERO, RESIZE -> JournalRecord.SIMPLE_BYTES;
            case CONFIGURE, CREATE -> JournalRecord.configurationBytes(m.encoded.length);
            case DELETE -> JournalRecord.BARE_BYTES;
            case ABORT -> JournalRecord.ABORT_BYTES;
        };
    }

    private void encode(Mutation m) {
        int length = length(m);
        int at = Mem.at(openPage()) + openUsed;
        m.blockSeq = openSeq;
        m.recordOffset = openUsed;
        encode(m, at, length);
        openUsed += length;
        openRecords++;
        int slot = slot(openSeq);
        if (!m.dataDone()) {
            dataPending[slot]++;
        }
        Mutation last = lasts[slot];
        if (last == null) {
            firsts[slot] = m;
        } else {
            last.nextInBlock = m;
        }
        lasts[slot] = m;
    }

    private void encode(Mutation m, int at, int length) {
        StoredReplica replica = m.owner();
        int volume = replica.number();
        long delta = Math.clamp(m.wseq - replica.commitSeq(), 0, 0xffff_ffffL);
        switch (m.kind) {
            case WRITE -> {
                JournalRecord.head(mem, at, JournalRecord.WRITE, 0, length, volume, m.wseq);
                JournalRecord.extent(mem, at, m.epoch, m.count, m.runCount, delta, m.block, replica.generation());
                encodeRuns(m, at);
                for (int i = 0; i < m.count; i++) {
                    JournalRecord.writeCrc(mem, at, m.runCount, i, m.crc(i));
                }
            }
            case RESYNC, REPAIR -> {
                int flags = m.kind == Mutation.Kind.REPAIR ? JournalRecord.FLAG_REPAIR : 0;
                JournalRecord.head(mem, at, JournalRecord.MAP, flags, length, volume, m.maxWseq);
                JournalRecord.extent(mem, at, m.epoch, m.count, m.runCount, 0, m.block, replica.generation());
                encodeRuns(m, at);
                for (int i = 0; i < m.count; i++) {
                    JournalRecord.mapEntry(mem, at, m.runCount, i, m.crc(i), m.wseqLow(i));
                }
            }
            case ZERO -> {
                int flags = m.unmap ? JournalRecord.FLAG_UNMAP : 0;
                JournalRecord.head(mem, at, JournalRecord.ZERO, flags, length, volume, m.wseq);
                JournalRecord.zero(mem, at, m.epoch, m.count, delta, m.block, replica.generation());
            }
            case RESIZE -> {
                JournalRecord.head(mem, at, JournalRecord.RESIZE, 0, length, volume, m.wseq);
                JournalRecord.resize(mem, at, m.epoch, delta, m.block);
            }
            case CONFIGURE, CREATE -> {
                int type = m.kind == Mutation.Kind.CREATE ? JournalRecord.CREATE : JournalRecord.EPOCH;
                JournalRecord.head(mem, at, type, 0, length, volume, 0);
                JournalRecord.configuration(mem, at, m.encoded);
            }
            case DELETE -> JournalRecord.head(mem, at, JournalRecord.DELETE, 0, length, volume, 0);
            case ABORT -> {
                Mutation target = m.target;
                if (target == null) {
                    throw new IllegalStateException("an ABORT of nothing");
                }
                JournalRecord.head(mem, at, JournalRecord.ABORT, 0, length, volume, target.wseq);
                JournalRecord.abort(mem, at, target.epoch, target.recordOffset, target.blockSeq);
            }
        }
    }

    private void encodeRuns(Mutation m, int at) {
        for (int i = 0; i < m.runCount; i++) {
            JournalRecord.run(mem, at, i, m.runSlot(i), m.runLength(i));
        }
    }
}
