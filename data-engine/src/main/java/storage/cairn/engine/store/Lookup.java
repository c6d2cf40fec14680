package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.Status;

/**
 * One inquiry under way: what up to 256 blocks map to, and what is read from there; pooled.
 *
 * <p>It takes what the overlays know and the root of the volume's tree in one moment, and then walks that tree, whose
 * pages never change: so it sees the mapping of that moment, and the slots it names are not reused before it has left.
 */
final class Lookup extends PageWaiter {
    enum Kind {
        READ,
        STATES,
        DESCRIBE,
        VERIFY,
        RESERVE,
        REPAIR
    }

    final int index;
    private final Lookups lookups;
    private final long[] slots = new long[Replica.MAX_WRITE_BLOCKS];
    private final int[] crcs = new int[Replica.MAX_WRITE_BLOCKS];
    private final int[] wseqLows = new int[Replica.MAX_WRITE_BLOCKS];

    long ticket;

    @Nullable
    Lookup older;

    @Nullable
    Lookup newer;

    Kind kind = Kind.READ;
    boolean live;
    long block;
    int count;
    long epoch;
    int bufferIndex;
    long tag;
    Replica.@Nullable Done done;
    Replica.@Nullable BlockStates statesDone;
    Replica.@Nullable Described describedDone;
    Replica.@Nullable Verified verifiedDone;
    Replica.@Nullable ChangedExtents changedDone;

    private @Nullable StoredReplica replica;
    private @Nullable Buffer buffer;
    /** The slots that a repair must still find, when it repairs nothing but the layout. */
    private long @Nullable [] expected;

    private int readsPending;
    private boolean readFailed;
    private final boolean[] failedBlocks = new boolean[Replica.MAX_WRITE_BLOCKS];
    private long maxWseq;
    private int pageWseqLow;

    private long rootSlot;
    private int rootCrc;
    private long walkBlock;
    private int level;
    private long pageSlot;
    private int pageCrc;
    private final BlockDevice.Completion dataRead = this::dataRead;

    Lookup(int index, Lookups lookups) {
        this.index = index;
        this.lookups = lookups;
    }

    StoredReplica replica() {
        StoredReplica r = replica;
        if (r == null) {
            throw new IllegalStateException("a lookup without a replica");
        }
        return r;
    }

    @Nullable
    Buffer buffer() {
        return buffer;
    }

    /** @param memory retained until the end; null when nothing is read */
    void start(StoredReplica of, @Nullable Buffer memory) {
        replica = of;
        buffer = memory == null ? null : memory.retain();
        readsPending = 0;
        readFailed = false;
        Mappings mappings = lookups.mappings();
        boolean inPage = false;
        for (int i = 0; i < count; i++) {
            slots[i] = mappings.resolve(of.number(), block + i);
            crcs[i] = mappings.crc();
            wseqLows[i] = mappings.wseqLow();
            inPage |= slots[i] == Mappings.IN_PAGE;
        }
        maxWseq = mappings.maxWseq(of.number(), block / Replica.EXTENT_BLOCKS);
        rootSlot = of.rootSlot();
        rootCrc = of.rootCrc();
        walkBlock = block;
        restart();
        if (inPage || kind == Kind.DESCRIBE) {
            walk();
        } else {
            resolved();
        }
    }

    private void restart() {
        level = IndexPage.LEVELS;
        pageSlot = rootSlot;
        pageCrc = rootCrc;
        pageWseqLow = 0;
    }

    @Override
    void pageReady() {
        if (lookups.disk().failed()) {
            return;
        }
        if (!pageLost) {
            walk();
        } else if (level > 0) {
            lookups.disk()
                    .fail("index page at block " + pageSlot + " of volume "
                            + replica().volume()
                            + " is unreadable: replace the disk; its replicas are rebuilt from others");
        } else {
            fill(ExtentPage.LOST, 0);
            lookups.extentLost(replica(), walkBlock / Replica.EXTENT_BLOCKS);
            nextExtent();
        }
    }

    /** Goes on from the page at hand until one must be fetched or all is known. */
    private void walk() {
        while (walkBlock < block + count) {
            if (pageSlot <= ExtentPage.ZERO) {
                fill(pageSlot, pageWseqLow);
                step();
                continue;
            }
            PageCache cache = lookups.cache();
            int frame = cache.find(pageSlot, pageCrc);
            if (frame < 0) {
                cache.load(pageSlot, pageCrc, this);
                return;
            }
            Mem mem = cache.mem(frame);
            int page = cache.page(frame);
            long extent = walkBlock / Replica.EXTENT_BLOCKS;
            if (level == 0) {
                fill(mem, page);
                step();
            } else {
                int entry = (int) (extent / IndexPage.span(level - 1) % IndexPage.FANOUT);
                pageSlot = IndexPage.slot(mem, page, entry);
                pageCrc = IndexPage.crc(mem, page, entry);
                level--;
                if (level == 0) {
                    pageWseqLow = IndexPage.wseqLow(mem, page, entry);
                    maxWseq = Math.max(maxWseq, IndexPage.maxWseq(mem, page, entry));
                }
            }
        }
        resolved();
    }

    /** A page was unreadable: goes on with the next extent. */
    private void nextExtent() {
        step();
        walk();
    }

    private void step() {
        walkBlock = (walkBlock / Replica.EXTENT_BLOCKS + 1) * Replica.EXTENT_BLOCKS;
        restart();
    }

    private int extentEnd() {
        long end = (walkBlock / Replica.EXTENT_BLOCKS + 1) * Replica.EXTENT_BLOCKS;
        return (int) (Math.min(end, block + count) - block);
    }

    private void fill(long slot, int wseqLow) {
        for (int i = (int) (walkBlock - block); i < extentEnd(); i++) {
            if (slots[i] == Mappings.IN_PAGE) {
                slots[i] = slot;
                wseqLows[i] = wseqLow & 0xff_ffff;
            }
        }
    }

    private void fill(Mem mem, int page) {
        for (int i = (int) (walkBlock - block); i < extentEnd(); i++) {
            if (slots[i] == Mappings.IN_PAGE) {
                int entry = (int) ((block + i) % Replica.EXTENT_BLOCKS);
                slots[i] = ExtentPage.slot(mem, page, entry);
                crcs[i] = ExtentPage.crc(mem, page, entry);
                wseqLows[i] = ExtentPage.wseqLow(mem, page, entry);
            }
        }
    }

    private void resolved() {
        switch (kind) {
            case READ, VERIFY -> readData();
            case STATES, DESCRIBE -> lookups.finished(this, Status.OK);
            case RESERVE -> {
                boolean mapped = true;
                for (int i = 0; i < count; i++) {
                    mapped &= slots[i] > ExtentPage.LAST_SPECIAL;
                }
                lookups.finished(this, mapped ? Status.OK : Status.NO_SPACE);
            }
            case REPAIR -> lookups.finished(this, Status.OK);
        }
    }

    private void readData() {
        Buffer into = buffer;
        if (into == null) {
            throw new IllegalStateException("a read without memory");
        }
        Arrays.fill(failedBlocks, 0, count, false);
        readsPending = 1;
        for (int i = 0; i < count; ) {
            int length = 1;
            if (slots[i] == ExtentPage.LOST) {
                failedBlocks[i] = true;
                readFailed = true;
            } else if (slots[i] <= ExtentPage.ZERO) {
                zero(into, bufferIndex + i);
            } else {
                while (i + length < count && slots[i + length] == slots[i] + length) {
                    length++;
                }
                readsPending++;
                lookups.disk().device.read(slots[i], length, into, bufferIndex + i, dataRead, (long) i << 16 | length);
            }
            i += length;
        }
        if (--readsPending == 0) {
            lookups.finished(this, readFailed ? Status.CORRUPT : Status.OK);
        }
    }

    private static void zero(Buffer into, int index) {
        int at = index * BlockDevice.BLOCK_BYTES;
        for (int i = 0; i < BlockDevice.BLOCK_BYTES; i += 8) {
            into.bytes().putLong(at + i, 0);
        }
        into.crc(index, Crc32c.ZERO_BLOCK);
    }

    private void dataRead(long which, int errno) {
        int first = (int) (which >>> 16);
        int length = (int) (which & 0xffff);
        Buffer into = buffer;
        if (into != null && live) {
            for (int i = first; i < first + length; i++) {
                int at = (bufferIndex + i) * BlockDevice.BLOCK_BYTES;
                if (errno != 0 || Crc32c.of(into.bytes(), at, BlockDevice.BLOCK_BYTES) != crcs[i]) {
                    failedBlocks[i] = true;
                    readFailed = true;
                    lookups.disk().metrics.checksumErrors++;
                } else {
                    into.crc(bufferIndex + i, crcs[i]);
                }
            }
        }
        if (--readsPending == 0) {
            lookups.finished(this, readFailed ? Status.CORRUPT : Status.OK);
        }
    }

    /** Whether the device still has reads of it. */
    boolean reading() {
        return readsPending > 0;
    }

    /** Neighbours in a stretch that both have a slot, but not one behind the other. */
    int gaps(int from, int length) {
        int gaps = 0;
        for (int i = from + 1; i < from + length; i++) {
            boolean mapped = slots[i] > ExtentPage.LAST_SPECIAL && slots[i - 1] > ExtentPage.LAST_SPECIAL;
            gaps += mapped && slots[i] != slots[i - 1] + 1 ? 1 : 0;
        }
        return gaps;
    }

    /** Copies a stretch of what was read to the start of another buffer. */
    void copyTo(Buffer to, int from, int length) {
        Buffer data = buffer;
        if (data == null) {
            throw new IllegalStateException("a read without memory");
        }
        int first = bufferIndex + from;
        to.bytes().put(0, data.bytes(), first * BlockDevice.BLOCK_BYTES, length * BlockDevice.BLOCK_BYTES);
        for (int i = 0; i < length; i++) {
            to.crc(i, data.crc(first + i));
        }
    }

    /** It goes on only with blocks that are where {@code read} found them. */
    void expect(Lookup read, int from, int length) {
        expected = Arrays.copyOfRange(read.slots, from, from + length);
    }

    /** Whether it came from a read that found its blocks scattered. */
    boolean gathers() {
        return expected != null;
    }

    /** Whether the mapping of a block is the one that is to be repaired. */
    boolean repairable(int i) {
        Buffer data = buffer;
        long[] known = expected;
        return data != null
                && slots[i] > ExtentPage.LAST_SPECIAL
                && crcs[i] == data.crc(bufferIndex + i)
                && (known == null || known[i] == slots[i]);
    }

    long slot(int i) {
        return slots[i];
    }

    int crc(int i) {
        return crcs[i];
    }

    int wseqLow(int i) {
        return wseqLows[i];
    }

    List<Replica.BlockState> states() {
        List<Replica.BlockState> states = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            states.add(state(slots[i]));
        }
        return states;
    }

    Replica.ExtentContent content() {
        Replica.BlockState[] states = new Replica.BlockState[count];
        int[] sums = new int[count];
        int[] lows = new int[count];
        for (int i = 0; i < count; i++) {
            states[i] = state(slots[i]);
            sums[i] = slots[i] > ExtentPage.LAST_SPECIAL ? crcs[i] : Crc32c.ZERO_BLOCK;
            lows[i] = slots[i] == ExtentPage.LOST ? Replica.ExtentContent.LOST : wseqLows[i];
        }
        return new Replica.ExtentContent(states, sums, lows, maxWseq);
    }

    long[] badBlocks() {
        int bad = 0;
        for (int i = 0; i < count; i++) {
            bad += failedBlocks[i] ? 1 : 0;
        }
        long[] blocks = new long[bad];
        for (int i = count - 1; i >= 0; i--) {
            if (failedBlocks[i]) {
                blocks[--bad] = block + i;
            }
        }
        return blocks;
    }

    private static Replica.BlockState state(long slot) {
        if (slot == ExtentPage.HOLE) {
            return Replica.BlockState.HOLE;
        }
        return slot == ExtentPage.ZERO ? Replica.BlockState.ZERO : Replica.BlockState.DATA;
    }

    void reset() {
        if (buffer != null) {
            buffer.release();
        }
        buffer = null;
        expected = null;
        replica = null;
        done = null;
        statesDone = null;
        describedDone = null;
        verifiedDone = null;
        changedDone = null;
    }
}
