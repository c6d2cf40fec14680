package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.TailEntry;

/**
 * What one replica must hold, as told by the answers to what was asked of it. An operation without an answer is
 * unknown until the replica's tail tells after the next recovery.
 */
final class StoreModel {
    static final long NONE = Long.MIN_VALUE;

    private static final long UNKNOWN_WSEQ = -1;
    private final Configuration created;
    /**
     * Whether the medium may lie, or the replica says that it is damaged: then a crash may bring back older content, but
     * never anything foreign.
     */
    private boolean forgiving;

    private final List<Configuration> underWay = new ArrayList<>();
    private final TreeMap<Long, StoreModelOp> ops = new TreeMap<>();
    private final List<StoreModelRead> reads = new ArrayList<>();
    private final StampPlaces places = new StampPlaces();

    private Configuration configuration;
    private long[] values;
    /** For a block whose last resync was cut off: the other value it may have, else NONE. */
    private long[] alternatives;
    /** When it came to have two possible values, in {@link #changes}. */
    private long[] openSince;

    private long[] wseqs;
    /** Whether {@link #values} still holds after a crash of a lying disk. */
    private boolean[] trusted;

    private @Nullable StoreModelOp[] busy;
    private long nextWseq = 1;
    private long told;
    private int inFlight;
    private long changes;
    private boolean deleting;

    StoreModel(Configuration created, boolean forgiving) {
        this.created = created;
        this.forgiving = forgiving;
        this.configuration = created;
        int blocks = (int) (created.sizeBytes() / BlockDevice.BLOCK_BYTES);
        values = new long[blocks];
        wseqs = new long[blocks];
        alternatives = new long[blocks];
        openSince = new long[blocks];
        Arrays.fill(alternatives, NONE);
        busy = new StoreModelOp[blocks];
        trusted = new boolean[blocks];
        Arrays.fill(trusted, true);
    }

    Configuration configuration() {
        return configuration;
    }

    /** The newest that was submitted: what epochs are judged by. */
    Configuration newest() {
        return underWay.isEmpty() ? configuration : underWay.getLast();
    }

    String name() {
        return created.name();
    }

    int blocks() {
        return values.length;
    }

    long takeWseq() {
        return nextWseq++;
    }

    /** Whether something of this number may be there. */
    boolean knows(long wseq) {
        return ops.containsKey(wseq);
    }

    void skipWseqs(long count) {
        nextWseq += count;
    }

    long told() {
        return told;
    }

    boolean idle() {
        return inFlight == 0 && underWay.isEmpty();
    }

    /** Everything up to here has been answered. */
    long settled() {
        for (StoreModelOp op : ops.tailMap(told, false).values()) {
            if (op.state == StoreModelOp.State.UNKNOWN) {
                return op.entry.wseq() - 1;
            }
        }
        return nextWseq - 1;
    }

    void tell(long commitSeq) {
        told = Math.max(told, commitSeq);
    }

    boolean free(long block, int count) {
        for (int i = 0; i < count; i++) {
            if (busy[(int) block + i] != null) {
                return false;
            }
        }
        return true;
    }

    void submit(StoreModelOp op) {
        inFlight++;
        changes++;
        if (op.firstStamp != 0) {
            places.add(op.firstStamp, op.entry.block(), op.entry.count());
        }
        ops.put(op.entry.wseq(), op);
        for (int i = 0; i < op.entry.count(); i++) {
            int block = (int) op.entry.block() + i;
            busy[block] = op;
            for (StoreModelRead read : reads) {
                read.allow(block, op.value(i));
            }
        }
    }

    void completed(StoreModelOp op) {
        inFlight--;
        changes++;
        apply(op);
    }

    /** It changed nothing; of a resync, which is no whole, some part may be there. */
    void refused(StoreModelOp op) {
        inFlight--;
        changes++;
        if (op.resync) {
            leaveOpen(op);
        } else {
            ops.remove(op.entry.wseq());
            unlock(op);
        }
    }

    /** It was undone: a medium that loses what undid it brings it back. */
    void aborted(StoreModelOp op) {
        if (!forgiving || op.resync) {
            refused(op);
            return;
        }
        inFlight--;
        changes++;
        op.state = StoreModelOp.State.LOST;
        unlock(op);
    }

    private void apply(StoreModelOp op) {
        op.state = StoreModelOp.State.APPLIED;
        if (op.entry.kind() == Replica.Kind.RESIZE) {
            grow((int) op.entry.block());
        }
        for (int i = 0; i < op.entry.count(); i++) {
            int block = (int) op.entry.block() + i;
            values[block] = op.value(i);
            alternatives[block] = NONE;
            wseqs[block] = op.wseqOf(i);
            trusted[block] = true;
        }
        unlock(op);
    }

    private void unlock(StoreModelOp op) {
        for (int i = 0; i < op.entry.count(); i++) {
            int block = (int) op.entry.block() + i;
            if (busy[block] == op) {
                busy[block] = null;
            }
        }
    }

    private void grow(int blocks) {
        int before = values.length;
        if (blocks > before) {
            values = Arrays.copyOf(values, blocks);
            wseqs = Arrays.copyOf(wseqs, blocks);
            alternatives = Arrays.copyOf(alternatives, blocks);
            openSince = Arrays.copyOf(openSince, blocks);
            Arrays.fill(alternatives, before, blocks, NONE);
            busy = Arrays.copyOf(busy, blocks);
            trusted = Arrays.copyOf(trusted, blocks);
            Arrays.fill(trusted, before, blocks, !forgiving);
        }
    }

    void configuring(Configuration newer) {
        underWay.add(newer);
    }

    void configured(Configuration newer) {
        underWay.remove(newer);
        if (newer.newerThan(configuration)) {
            configuration = newer;
        }
    }

    StoreModelRead reading(long block, int count) {
        StoreModelRead read = new StoreModelRead(block, changes, count);
        for (int i = 0; i < count; i++) {
            int at = (int) block + i;
            StoreModelOp op = busy[at];
            read.holds(i, values[at]);
            read.doubtful[i] = !trusted[at];
            if (alternatives[at] != NONE) {
                read.allow(at, alternatives[at]);
            }
            if (op != null) {
                read.allow(at, op.value(at - (int) op.entry.block()));
            }
        }
        reads.add(read);
        return read;
    }

    void read(StoreModelRead read) {
        reads.remove(read);
    }

    /** Compares one block of an answered read. */
    void check(StoreModelRead read, int index, long stamp) {
        int block = (int) read.block + index;
        if (read.doubtful[index] && places.plausible(block, stamp)) {
            if (busy[block] == null && !trusted[block]) {
                values[block] = stamp;
                wseqs[block] = UNKNOWN_WSEQ;
                trusted[block] = true;
                alternatives[block] = NONE;
            }
            return;
        }
        if (!read.allows(index, stamp)) {
            throw new Violation(
                    "I9",
                    "volume " + name() + " block " + block + " reads as " + describe(stamp) + ", not as "
                            + read.allowed(index) + " (written by wseq " + wseqs[block] + ")");
        }
        boolean either = stamp == values[block] || stamp == alternatives[block];
        if (alternatives[block] != NONE && busy[block] == null && either && read.begun >= openSince[block]) {
            values[block] = stamp;
            wseqs[block] = UNKNOWN_WSEQ;
            alternatives[block] = NONE;
        }
    }

    private static String describe(long stamp) {
        return stamp == Stamps.GARBAGE ? "garbage" : Long.toString(stamp);
    }

    /** The process is gone: what was under way may have happened. */
    void crashed() {
        inFlight = 0;
        reads.clear();
    }

    /** Compares what a recovered replica tells of itself, and settles what was unknown. */
    void recovered(Replica replica, boolean mayBeDamaged) {
        Configuration found = replica.configuration();
        if (replica.damaged() && !mayBeDamaged) {
            throw new Violation("I9", "volume " + name() + " says it is damaged, and its disk never failed");
        }
        forgiving |= replica.damaged();
        if (forgiving) {
            Arrays.fill(trusted, false);
        } else if (!found.equals(configuration) && !underWay.contains(found)) {
            throw new Violation(
                    "I3",
                    "volume " + name() + " came back with epoch " + found.epoch() + ", not " + configuration.epoch());
        }
        configuration = found;
        underWay.clear();
        if (replica.commitSeq() > told) {
            throw new Violation(
                    "I11",
                    "volume " + name() + " came back with commitSeq " + replica.commitSeq() + ", it was told " + told);
        }
        settle(replica.tail(), replica.commitSeq());
        if (!forgiving && replica.highestWseq() < highestApplied()) {
            throw new Violation("I9", "volume " + name() + " says its highest wseq is " + replica.highestWseq());
        }
    }

    private long highestApplied() {
        for (StoreModelOp op : ops.descendingMap().values()) {
            if (op.state == StoreModelOp.State.APPLIED && !op.resync) {
                return op.entry.wseq();
            }
        }
        return 0;
    }

    private void settle(List<TailEntry> tail, long commitSeq) {
        long last = commitSeq;
        for (TailEntry entry : tail) {
            if (entry.wseq() <= last) {
                throw new Violation("I9", "volume " + name() + ": tail not rising at wseq " + entry.wseq());
            }
            last = entry.wseq();
            StoreModelOp op = ops.get(entry.wseq());
            if (op == null || op.resync || !op.entry.equals(entry)) {
                throw new Violation("I9", "volume " + name() + ": nobody asked for " + entry);
            }
            op.seen = true;
        }
        for (StoreModelOp op : List.copyOf(ops.values())) {
            settle(op, commitSeq);
            op.seen = false;
        }
    }

    private void settle(StoreModelOp op, long commitSeq) {
        if (op.resync) {
            if (op.state == StoreModelOp.State.UNKNOWN) {
                leaveOpen(op);
            }
            return;
        }
        boolean above = op.entry.wseq() > commitSeq;
        if (op.state == StoreModelOp.State.APPLIED && above && !op.seen) {
            if (forgiving) {
                op.state = StoreModelOp.State.LOST;
                for (int i = 0; i < op.entry.count(); i++) {
                    trusted[(int) op.entry.block() + i] = false;
                }
                return;
            }
            throw new Violation("I1", "volume " + name() + " lost " + op.entry + ", which it had completed");
        }
        if (op.state != StoreModelOp.State.APPLIED && op.seen) {
            apply(op);
        } else if (op.state == StoreModelOp.State.UNKNOWN) {
            unlock(op);
            if (forgiving) {
                op.state = StoreModelOp.State.LOST;
            } else {
                ops.remove(op.entry.wseq());
            }
        }
    }

    private void leaveOpen(StoreModelOp op) {
        ops.remove(op.entry.wseq());
        unlock(op);
        for (int i = 0; i < op.entry.count(); i++) {
            int block = (int) op.entry.block() + i;
            // A second open outcome before the first was seen: any of the three may be there.
            trusted[block] &= alternatives[block] == NONE;
            alternatives[block] = op.value(i);
            openSince[block] = changes;
        }
    }

    /** Compares an extent's map with what was written; only while nothing is under way. */
    void checkExtent(long extent, Replica.ExtentContent content, Stamps stamps, boolean mayLose) {
        for (int i = 0; i < Replica.EXTENT_BLOCKS; i++) {
            int block = (int) extent * Replica.EXTENT_BLOCKS + i;
            if (block >= values.length || alternatives[block] != NONE || !trusted[block]) {
                continue;
            }
            if (mayLose && content.wseqLows()[i] == Replica.ExtentContent.LOST) {
                // The page that told of it is lost: this is said, and a resync mends it.
                continue;
            }
            int crc = values[block] == 0 ? Crc32c.ZERO_BLOCK : stamps.crc(values[block]);
            boolean data = content.states()[i] == BlockState.DATA;
            if (content.crcs()[i] != crc || (values[block] != 0 && !data)) {
                throw new Violation(
                        "I9",
                        "volume " + name() + " block " + block + " is described as " + content.states()[i]
                                + " with another checksum than it was written with");
            }
            // An extent of holes keeps no page: only its maxWseq is known then.
            if (wseqs[block] == UNKNOWN_WSEQ || (!data && content.maxWseq() >= wseqs[block])) {
                continue;
            }
            if (content.wseqLows()[i] != (int) (wseqs[block] & 0xff_ffff) || content.maxWseq() < wseqs[block]) {
                throw new Violation(
                        "I11",
                        "volume " + name() + " block " + block + " was written by wseq "
                                + wseqs[block] + ", is described by " + content.wseqLows()[i] + " below "
                                + content.maxWseq());
            }
        }
    }

    /** Checks that no extent is missing whose last change is after {@code sinceSeq}. */
    void checkChanged(long sinceSeq, long first, int limit, long[] extents) {
        long bound = extents.length < limit ? Long.MAX_VALUE : extents[extents.length - 1];
        for (int block = 0; block < values.length; block++) {
            long extent = block / Replica.EXTENT_BLOCKS;
            if (trusted[block]
                    && wseqs[block] > sinceSeq
                    && extent >= first
                    && extent <= bound
                    && Arrays.binarySearch(extents, extent) < 0) {
                throw new Violation(
                        "I11",
                        "volume " + name() + " extent " + extent + " changed at wseq " + wseqs[block]
                                + " and is not among those changed after " + sinceSeq);
            }
        }
    }

    List<StoreModelOp> applied() {
        return ops.values().stream()
                .filter(op -> op.state == StoreModelOp.State.APPLIED && !op.resync)
                .toList();
    }

    long value(long block) {
        return values[(int) block];
    }

    /** Its deletion was asked for: an answer may be that it is not there. */
    void deleting() {
        deleting = true;
    }

    boolean isDeleting() {
        return deleting;
    }

    /** Raised with every change that began or ended. */
    long changes() {
        return changes;
    }

    boolean trusts(int block) {
        return trusted[block] && alternatives[block] == NONE;
    }

    boolean hasAlternative(long block) {
        return alternatives[(int) block] != NONE;
    }
}
