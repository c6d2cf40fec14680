package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;
import storage.cairn.engine.store.Replica.TailEntry;

/** What a {@link MemoryDisk} durably holds of one volume. Every change is atomic. */
final class MemoryVolume {
    private static final int WSEQ_LOW_MASK = 0xff_ffff;

    private final TreeMap<Long, Extent> extents = new TreeMap<>();
    private final TreeMap<Long, TailEntry> tail = new TreeMap<>();
    private final Faults faults;
    private Configuration before;
    private boolean tearing;
    private Configuration configuration;
    private long blocks;
    private long commitSeq;
    private long highestWseq;
    private long mapped;

    MemoryVolume(Configuration configuration, Faults faults) {
        this.configuration = configuration;
        this.before = configuration;
        this.faults = faults;
        this.blocks = configuration.sizeBytes() / BlockDevice.BLOCK_BYTES;
    }

    Configuration configuration() {
        return configuration;
    }

    void configure(Configuration newer) {
        before = configuration;
        configuration = newer;
    }

    long blocks() {
        return blocks;
    }

    long mapped() {
        return mapped;
    }

    /** What was told to be held everywhere, by something that is durable itself. */
    long commitSeq() {
        return commitSeq;
    }

    void commit(long seq) {
        if (seq > commitSeq) {
            commitSeq = seq;
            tail.headMap(seq, true).clear();
        }
    }

    long highestWseq() {
        return highestWseq;
    }

    List<TailEntry> tail(long above) {
        return new ArrayList<>(tail.tailMap(above, false).values());
    }

    int tailSize(long above) {
        return tail.tailMap(above, false).size();
    }

    boolean holds(long wseq) {
        return tail.containsKey(wseq);
    }

    /** Whether a later entry of the tail changed a block of this one. */
    boolean laterOverlaps(TailEntry entry) {
        return entry.count() > 0
                && tail.tailMap(entry.wseq(), false).values().stream()
                        .anyMatch(later -> later.count() > 0
                                && later.block() < entry.block() + entry.count()
                                && entry.block() < later.block() + later.count());
    }

    boolean applied(long epoch, long wseq) {
        TailEntry entry = tail.get(wseq);
        return entry != null && entry.epoch() == epoch;
    }

    private void enter(TailEntry entry, long commit) {
        highestWseq = Math.max(highestWseq, entry.wseq());
        if (entry.wseq() > commitSeq) {
            tail.put(entry.wseq(), entry);
        }
        commit(commit);
    }

    /**
     * A write.
     *
     * @param astray how many blocks further on its content comes to be than it should: 0, but for broken stores
     */
    void write(TailEntry entry, long commit, byte[][] contents, int[] crcs, int astray) {
        int all = tearing ? contents.length / 2 : contents.length;
        for (int i = 0; i < all; i++) {
            put(entry.block() + astray + i, new Cell(BlockState.DATA, crcs[i], contents[i], entry.wseq(), false));
        }
        enter(entry, commit);
    }

    /** Anything but a write. */
    void apply(TailEntry entry, long commit) {
        BlockState state = entry.kind() == Replica.Kind.UNMAP ? BlockState.HOLE : BlockState.ZERO;
        for (int i = 0; i < entry.count(); i++) {
            put(entry.block() + i, new Cell(state, Crc32c.ZERO_BLOCK, null, entry.wseq(), false));
        }
        if (entry.kind() == Replica.Kind.RESIZE) {
            blocks = Math.max(blocks, entry.block());
        }
        enter(entry, commit);
    }

    /** For broken stores: writes from now on are there only in part. */
    void tear() {
        tearing = true;
    }

    void whole() {
        tearing = false;
    }

    /** For broken stores: undoes what it knows of its newest entry. */
    void forgetNewest() {
        tail.pollLastEntry();
    }

    void forgetConfiguration() {
        configuration = before;
    }

    /** I8: a block keeps what a later wseq wrote. */
    private void put(long block, Cell cell) {
        Extent extent = extents.computeIfAbsent(block / Replica.EXTENT_BLOCKS, number -> new Extent());
        int index = (int) (block % Replica.EXTENT_BLOCKS);
        Cell old = extent.cells[index];
        if (old != null && old.wseq > cell.wseq && !faults.has(Defect.RESEND_OVERWRITES)) {
            return;
        }
        replace(extent, index, cell);
        if (cell.state != BlockState.HOLE || !faults.has(Defect.DISCARD_NOT_COUNTED)) {
            extent.maxWseq = Math.max(extent.maxWseq, cell.wseq);
        }
    }

    private void replace(Extent extent, int index, Cell cell) {
        Cell old = extent.cells[index];
        mapped += (cell.state == BlockState.DATA ? 1 : 0) - (old != null && old.state == BlockState.DATA ? 1 : 0);
        extent.cells[index] = cell;
    }

    void resync(long block, int count, ExtentContent content, byte[][] contents, long maxWseq) {
        Extent extent = extents.computeIfAbsent(block / Replica.EXTENT_BLOCKS, number -> new Extent());
        int taken = 0;
        for (int i = 0; i < count; i++) {
            BlockState state = content.states()[i];
            byte[] bytes = state == BlockState.DATA ? contents[taken++] : null;
            long low = content.wseqLows()[i] & WSEQ_LOW_MASK;
            long wseq = maxWseq - ((maxWseq - low) & WSEQ_LOW_MASK);
            int crc = state == BlockState.DATA ? content.crcs()[i] : Crc32c.ZERO_BLOCK;
            int index = (int) (block % Replica.EXTENT_BLOCKS) + i;
            replace(extent, index, new Cell(state, crc, bytes, Math.max(0, wseq), false));
        }
        extent.maxWseq = Math.max(extent.maxWseq, maxWseq);
        highestWseq = Math.max(highestWseq, maxWseq);
    }

    @Nullable
    Cell cell(long block) {
        Extent extent = extents.get(block / Replica.EXTENT_BLOCKS);
        return extent == null ? null : extent.cells[(int) (block % Replica.EXTENT_BLOCKS)];
    }

    /** The stored bytes of a block go bad. */
    void rot(long block) {
        Cell cell = cell(block);
        if (cell != null && cell.state == BlockState.DATA) {
            Extent extent = java.util.Objects.requireNonNull(extents.get(block / Replica.EXTENT_BLOCKS));
            extent.cells[(int) (block % Replica.EXTENT_BLOCKS)] =
                    new Cell(cell.state, cell.crc, cell.bytes, cell.wseq, true);
        }
    }

    /** The stored bytes of a block are good again, if it still maps to that content. */
    boolean repair(long block, int crc, byte[] bytes) {
        Cell cell = cell(block);
        if (cell == null || cell.state != BlockState.DATA || cell.crc != crc) {
            return false;
        }
        Extent extent = java.util.Objects.requireNonNull(extents.get(block / Replica.EXTENT_BLOCKS));
        extent.cells[(int) (block % Replica.EXTENT_BLOCKS)] = new Cell(cell.state, crc, bytes, cell.wseq, false);
        return true;
    }

    ExtentContent describe(long number) {
        BlockState[] states = new BlockState[Replica.EXTENT_BLOCKS];
        int[] crcs = new int[Replica.EXTENT_BLOCKS];
        int[] lows = new int[Replica.EXTENT_BLOCKS];
        Extent extent = extents.get(number);
        for (int i = 0; i < Replica.EXTENT_BLOCKS; i++) {
            Cell cell = extent == null ? null : extent.cells[i];
            states[i] = cell == null ? BlockState.HOLE : cell.state;
            crcs[i] = cell == null ? Crc32c.ZERO_BLOCK : cell.crc;
            lows[i] = cell == null ? 0 : (int) (cell.wseq & WSEQ_LOW_MASK);
        }
        return new ExtentContent(states, crcs, lows, extent == null ? 0 : extent.maxWseq);
    }

    long[] changedExtents(long sinceSeq, long first, int limit) {
        return extents.tailMap(first, true).entrySet().stream()
                .filter(entry -> entry.getValue().maxWseq > sinceSeq)
                .limit(limit)
                .mapToLong(java.util.Map.Entry::getKey)
                .toArray();
    }

    private static final class Extent {
        final @Nullable Cell[] cells = new Cell[Replica.EXTENT_BLOCKS];
        long maxWseq;
    }

    /**
     * @param bytes of a DATA block
     * @param rotten whether reading it would show a mismatch
     */
    record Cell(BlockState state, int crc, byte @Nullable [] bytes, long wseq, boolean rotten) {}
}
