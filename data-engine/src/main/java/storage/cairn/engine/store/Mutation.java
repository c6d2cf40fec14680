package storage.cairn.engine.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;

/** One change under way; pooled, found by its index, which is the tag of its device writes. */
final class Mutation {
    enum Kind {
        WRITE,
        ZERO,
        RESIZE,
        RESYNC,
        REPAIR,
        CONFIGURE,
        CREATE,
        DELETE,
        ABORT;

        /** Whether it is one of the volume's numbered changes. */
        boolean hasWseq() {
            return this == WRITE || this == ZERO || this == RESIZE;
        }
    }

    final int index;

    Kind kind = Kind.WRITE;

    @Nullable
    StoredReplica replica;

    long epoch;
    long wseq;
    long block;
    int count;
    boolean unmap;
    /** Slots that were promised to it and not taken yet. */
    int promised;
    /** May use the reserve for overwrites. */
    boolean overwrite;

    @Nullable
    Buffer data;

    int dataIndex;
    long maxWseq;
    Replica.@Nullable ExtentContent content;
    int contentIndex;

    @Nullable
    Configuration configuration;

    byte[] encoded = {};

    @Nullable
    Mutation target;

    Replica.@Nullable Done done;
    long tag;

    /** Packed u40 slot, u24 length, in the order of the blocks. */
    long[] runs = new long[4];

    int runCount;

    /** Journal block of its record; 0 while it has none. */
    long blockSeq;

    int recordOffset;
    int writesPending;
    int extents;
    boolean live;
    boolean admitted;
    boolean started;
    boolean dataFailed;
    boolean journalDurable;
    boolean finished;
    Status failure = Status.OK;

    @Nullable
    Mutation next;

    @Nullable
    Mutation nextInBlock;

    Mutation(int index) {
        this.index = index;
    }

    void addRun(long slot, int length) {
        if (runCount == runs.length) {
            runs = Arrays.copyOf(runs, runs.length * 2);
        }
        runs[runCount++] = slot | (long) length << 40;
    }

    long runSlot(int run) {
        return runs[run] & 0xff_ffff_ffffL;
    }

    int runLength(int run) {
        return (int) (runs[run] >>> 40);
    }

    /** The replica it belongs to; every mutation but CREATE before its record is durable has one. */
    StoredReplica owner() {
        StoredReplica r = replica;
        if (r == null) {
            throw new IllegalStateException(kind + " without a replica");
        }
        return r;
    }

    Buffer buffer() {
        Buffer b = data;
        if (b == null) {
            throw new IllegalStateException(kind + " without data");
        }
        return b;
    }

    Replica.ExtentContent content() {
        Replica.ExtentContent c = content;
        if (c == null) {
            throw new IllegalStateException(kind + " without content");
        }
        return c;
    }

    Configuration configuration() {
        Configuration c = configuration;
        if (c == null) {
            throw new IllegalStateException(kind + " without a configuration");
        }
        return c;
    }

    int crc(int i) {
        if (kind == Kind.WRITE) {
            return buffer().crc(dataIndex + i);
        }
        return content().crcs()[contentIndex + i];
    }

    int wseqLow(int i) {
        return kind == Kind.WRITE ? (int) wseq & 0xff_ffff : content().wseqLows()[contentIndex + i] & 0xff_ffff;
    }

    /** Slots that its data takes. */
    int needsSlots() {
        return switch (kind) {
            case WRITE, REPAIR -> count;
            case RESYNC -> mapped();
            case ZERO, RESIZE, CONFIGURE, CREATE, DELETE, ABORT -> 0;
        };
    }

    private int mapped() {
        int mapped = 0;
        for (int i = 0; i < count; i++) {
            mapped += content().states()[contentIndex + i] == Replica.BlockState.DATA ? 1 : 0;
        }
        return mapped;
    }

    /** Extents whose pages the next checkpoint has to write for it. */
    int touchedExtents() {
        return switch (kind) {
            case WRITE, ZERO, RESYNC, REPAIR -> {
                long last = (block + Math.max(count, 1) - 1) / Replica.EXTENT_BLOCKS;
                yield (int) (last - block / Replica.EXTENT_BLOCKS) + 1;
            }
            case RESIZE, CONFIGURE, CREATE, DELETE, ABORT -> 0;
        };
    }

    /** Most entries that it adds to an overlay. */
    int overlayLoad() {
        return switch (kind) {
            case WRITE, RESYNC, REPAIR -> count + touchedExtents();
            case ZERO -> Math.min(count, 2 * Replica.EXTENT_BLOCKS) + touchedExtents();
            case RESIZE, CONFIGURE, CREATE, DELETE, ABORT -> 0;
        };
    }

    boolean dataDone() {
        return writesPending == 0;
    }

    void reset() {
        replica = null;
        data = null;
        content = null;
        configuration = null;
        target = null;
        done = null;
        next = null;
        nextInBlock = null;
        runCount = 0;
        epoch = 0;
        wseq = 0;
        block = 0;
        count = 0;
        maxWseq = 0;
        blockSeq = 0;
        writesPending = 0;
        promised = 0;
        extents = 0;
        contentIndex = 0;
        unmap = false;
        overwrite = false;
        admitted = false;
        started = false;
        dataFailed = false;
        journalDurable = false;
        finished = false;
        failure = Status.OK;
    }
}
