package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;

/**
 * A disk of a simulated machine. It outlives processes and power cuts; {@link #open} gives it to one process at a
 * time.
 *
 * <p>Operations take effect in a random order within the queue. What no flush has covered survives a
 * {@link #powerCut} in part: each write, and each 512 bytes of a write, by chance.
 */
public final class SimDisk {
    private static final int QUEUE_DEPTH = 64;
    private static final int EIO = 5;
    private static final long OPERATION_NANOS = 20_000;
    private static final long FLUSH_NANOS = 100_000;
    private static final long LONGEST_SLOW_NANOS = 500_000_000;
    private static final long LONGEST_STALL_NANOS = 3_000_000_000L;
    private static final int[] SURVIVAL_PER_MILLION = {0, 100_000, 500_000, 900_000, 1_000_000};

    private final SimClock clock;
    private final SimRandom random;
    private final Faults faults;
    private final Trace trace;
    private final int name;
    private final boolean volatileCache;
    private final DiskMedium medium;
    private final List<Operation> underWay = new ArrayList<>();
    private @Nullable Handle handle;
    private boolean honestMedium;
    private boolean losesWrites;
    private boolean rotted;
    private long stalledUntil;
    private long blocksWritten;

    /** A disk without faults of its own, for tests that bring about their faults themselves. */
    public SimDisk(SimClock clock, long seed, long blocks, boolean volatileCache) {
        this(clock, new SimRandom(seed), Faults.none(), Trace.hashing(), 0, blocks, volatileCache);
    }

    /**
     * @param name number that stands for the disk in the trace
     * @param blocks its size
     * @param volatileCache whether a completed write needs a flush to be durable
     */
    public SimDisk(
            SimClock clock,
            SimRandom random,
            Faults faults,
            Trace trace,
            int name,
            long blocks,
            boolean volatileCache) {
        this.clock = clock;
        this.random = random;
        this.faults = faults;
        this.trace = trace;
        this.name = name;
        this.volatileCache = volatileCache;
        this.medium = new DiskMedium(random, blocks, volatileCache);
    }

    /**
     * Opens the device for the process whose loop is {@code loop}. Whoever had it open must be gone: closed, killed or
     * without power.
     */
    public BlockDevice open(Clock loop) {
        if (handle != null) {
            throw new IllegalStateException("disk " + name + " is open already");
        }
        Handle opened = new Handle(loop);
        handle = opened;
        return opened;
    }

    public boolean isOpen() {
        return handle != null;
    }

    public long blocks() {
        return medium.blocks();
    }

    /** Blocks written since the disk was made. */
    public long blocksWritten() {
        return blocksWritten;
    }

    /** Whether a write that begins at one of these blocks is under way. */
    boolean writing(long first, long second, long third, long fourth) {
        for (int i = 0; i < underWay.size(); i++) {
            Operation operation = underWay.get(i);
            long block = operation.block;
            if (operation.kind == Kind.WRITE
                    && (block == first || block == second || block == third || block == fourth)) {
                return true;
            }
        }
        return false;
    }

    /** No rot befalls this disk by itself from now on, and no write is lost or misdirected unless that is told. */
    public void keepMediumHonest() {
        honestMedium = true;
    }

    /** Whether writes may be lost or misdirected even though the medium is honest otherwise. */
    void losesWrites(boolean loses) {
        losesWrites = loses;
    }

    private boolean struckByWrite(Fault fault) {
        return (!honestMedium || losesWrites) && faults.strikes(fault, random);
    }

    /** Whether the medium holds what was written, as far as the disk was told to. */
    boolean isHonest() {
        return honestMedium && !rotted;
    }

    /**
     * The machine loses power. Operations under way never complete; each of their writes, and each completed write
     * that no flush covered, reaches the medium wholly, in part or not at all.
     */
    public void powerCut() {
        int survival = SURVIVAL_PER_MILLION[random.below(SURVIVAL_PER_MILLION.length)];
        trace.event(clock.nanos(), name, "disk: power cut", survival, medium.completions(), underWay.size());
        medium.powerCut(survival);
        for (Operation operation : underWay) {
            if (operation.kind == Kind.WRITE && random.chance(500_000)) {
                landInPart(operation);
            }
        }
        letGo();
    }

    /**
     * The process that has the disk open dies. Operations under way never complete to anybody; their writes may
     * land. What had completed is in the hands of kernel and disk, and stays there.
     */
    public void kill() {
        trace.event(clock.nanos(), name, "disk: process died", medium.completions(), underWay.size(), 0);
        for (Operation operation : underWay) {
            if (operation.kind == Kind.WRITE && random.chance(700_000)) {
                land(operation);
            }
        }
        letGo();
    }

    private void letGo() {
        for (Operation operation : underWay) {
            operation.dropped = true;
            operation.releaseMemory();
        }
        underWay.clear();
        stalledUntil = 0;
        if (handle != null) {
            handle.gone = true;
            handle = null;
        }
    }

    /** What a power cut would leave now that keeps nothing unflushed. */
    public Image durableImage() {
        return new Image(medium.durable());
    }

    /** Puts an image back. Nobody may have the disk open. */
    public void restore(Image image) {
        if (handle != null) {
            throw new IllegalStateException("disk " + name + " is open");
        }
        medium.restore(image.pages);
    }

    /** Turns one bit of a block, on the medium and in the cache. */
    public void rot(long block) {
        byte[] rotten = DiskMedium.copyOf(medium.content(block));
        int bit = random.below(rotten.length * 8);
        rotten[bit >> 3] ^= (byte) (1 << (bit & 7));
        medium.overwrite(block, rotten);
        faults.count(Fault.DISK_ROT);
        rotted = true;
        trace.event(clock.nanos(), name, "disk: rot", block, bit, 0);
    }

    /** What a read of a block would give now. */
    public byte[] content(long block) {
        return DiskMedium.copyOf(medium.content(block));
    }

    /** Replaces a block, on the medium and in the cache. */
    public void overwrite(long block, byte[] content) {
        if (content.length != BlockDevice.BLOCK_BYTES) {
            throw new IllegalArgumentException("a block of " + content.length + " bytes");
        }
        medium.overwrite(block, content.clone());
    }

    private void submit(Operation operation) {
        long base = operation.kind == Kind.FLUSH ? FLUSH_NANOS : OPERATION_NANOS;
        long takes = base / 2 + random.below(base + base * operation.count / 8);
        if (faults.strikes(Fault.DISK_SLOW, random)) {
            takes += random.below(LONGEST_SLOW_NANOS);
        }
        if (faults.strikes(Fault.DISK_STALL, random)) {
            stalledUntil = Math.max(stalledUntil, clock.nanos() + random.below(LONGEST_STALL_NANOS));
        }
        if (underWay.size() >= QUEUE_DEPTH) {
            takes += OPERATION_NANOS * (underWay.size() - QUEUE_DEPTH + 1) / 8;
        }
        underWay.add(operation);
        if (operation.kind == Kind.WRITE && faults.has(Defect.EARLY_COMPLETION)) {
            operation.early = true;
            clock.after(takes / 4, () -> operation.by.deliver(operation, 0));
        }
        clock.after(Math.max(0, stalledUntil - clock.nanos()) + takes, operation);
    }

    private int read(Operation operation, Buffer into) {
        if (faults.strikes(Fault.DISK_READ_ERROR, random)) {
            return EIO;
        }
        byte[] bytes = into.bytes().array();
        int at = into.bytes().arrayOffset() + operation.index * BlockDevice.BLOCK_BYTES;
        for (int i = 0; i < operation.count; i++, at += BlockDevice.BLOCK_BYTES) {
            byte[] content = medium.content(operation.block + i);
            if (content == null) {
                Arrays.fill(bytes, at, at + BlockDevice.BLOCK_BYTES, (byte) 0);
            } else {
                System.arraycopy(content, 0, bytes, at, BlockDevice.BLOCK_BYTES);
            }
        }
        return 0;
    }

    private int write(Operation operation, Buffer from) {
        if (!operation.early) {
            operation.checkUnchanged(from);
        }
        if (faults.strikes(Fault.DISK_WRITE_ERROR, random)) {
            landInPart(operation);
            return EIO;
        }
        land(operation);
        return 0;
    }

    private int flush(Operation operation) {
        if (faults.strikes(Fault.DISK_FLUSH_ERROR, random)) {
            medium.flushFailed(operation.covers);
            return EIO;
        }
        if (!faults.has(Defect.LYING_FLUSH)) {
            medium.flushed(operation.covers);
        }
        return 0;
    }

    private void discard(Operation operation) {
        if (random.nextBoolean()) {
            for (long block = operation.block; block < operation.block + operation.discarded; block++) {
                if (medium.content(block) != null) {
                    medium.complete(block, null);
                }
            }
        }
    }

    private void land(Operation operation) {
        for (int i = 0; i < operation.count; i++) {
            long block = operation.block + i;
            blocksWritten++;
            if (struckByWrite(Fault.DISK_LOST_WRITE)) {
                rotted = true;
                trace.event(clock.nanos(), name, "disk: lost write", block, 0, 0);
            } else if (struckByWrite(Fault.DISK_MISDIRECTED_WRITE)) {
                rotted = true;
                long elsewhere = random.below(medium.blocks());
                trace.event(clock.nanos(), name, "disk: misdirected write", block, elsewhere, 0);
                medium.complete(elsewhere, operation.copies[i]);
            } else {
                medium.complete(block, operation.copies[i]);
            }
            if (!honestMedium && faults.chance(Fault.DISK_ROT, random)) {
                rot(block);
            }
        }
    }

    private void landInPart(Operation operation) {
        for (int i = 0; i < operation.count; i++) {
            if (random.chance(600_000)) {
                medium.tear(operation.block + i, operation.copies[i], 200_000);
            }
        }
    }

    private enum Kind {
        READ,
        WRITE,
        FLUSH,
        DISCARD
    }

    /** What a medium holds at some moment. */
    public static final class Image {
        private final byte[][][] pages;

        private Image(byte[][][] pages) {
            this.pages = pages;
        }
    }

    /** One operation under way. Writes are copied when they are submitted: that is what is written. */
    private final class Operation implements Runnable {
        private static final byte[][] NONE = {};

        final Kind kind;
        final Handle by;
        final long block;
        final int count;
        final BlockDevice.Completion completion;
        final long tag;
        final long covers = medium.completions();

        @Nullable
        Buffer memory;

        int index;
        long discarded;
        byte[][] copies = NONE;
        boolean dropped;
        boolean early;

        Operation(Kind kind, Handle by, long block, int count, BlockDevice.Completion completion, long tag) {
            this.kind = kind;
            this.by = by;
            this.block = block;
            this.count = count;
            this.completion = completion;
            this.tag = tag;
        }

        void copy(Buffer from) {
            copies = new byte[count][];
            for (int i = 0; i < count; i++) {
                copies[i] = SimBuffers.copyOf(from, (index + i) * BlockDevice.BLOCK_BYTES, BlockDevice.BLOCK_BYTES);
            }
        }

        void checkUnchanged(Buffer from) {
            byte[] now = from.bytes().array();
            int at = from.bytes().arrayOffset() + index * BlockDevice.BLOCK_BYTES;
            for (int i = 0; i < count; i++, at += BlockDevice.BLOCK_BYTES) {
                if (!Arrays.equals(now, at, at + BlockDevice.BLOCK_BYTES, copies[i], 0, BlockDevice.BLOCK_BYTES)) {
                    throw new Violation(
                            "I22",
                            "disk " + name + ": memory of the write at block " + (block + i)
                                    + " was changed while the device had it");
                }
            }
        }

        void releaseMemory() {
            if (memory != null) {
                memory.release();
                memory = null;
            }
        }

        @Override
        public void run() {
            if (dropped) {
                return;
            }
            underWay.remove(this);
            int errno = perform();
            releaseMemory();
            trace.event(clock.nanos(), name, kind.name(), block, count, errno);
            if (!early) {
                by.deliver(this, errno);
            }
        }

        private int perform() {
            if (memory == null) {
                if (kind == Kind.FLUSH) {
                    return flush(this);
                }
                discard(this);
                return 0;
            }
            return kind == Kind.READ ? read(this, memory) : write(this, memory);
        }
    }

    /** The device as one process has it open. */
    private final class Handle implements BlockDevice {
        private final Clock loop;
        private boolean gone;
        private int inFlight;

        Handle(Clock loop) {
            this.loop = loop;
        }

        @Override
        public long blocks() {
            return medium.blocks();
        }

        @Override
        public boolean volatileCache() {
            return volatileCache;
        }

        @Override
        public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
            check(block, count, into, index);
            Operation operation = new Operation(Kind.READ, this, block, count, completion, tag);
            operation.memory = into.retain();
            operation.index = index;
            begin(operation);
        }

        @Override
        public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
            check(block, count, from, index);
            Operation operation = new Operation(Kind.WRITE, this, block, count, completion, tag);
            operation.memory = from.retain();
            operation.index = index;
            operation.copy(from);
            begin(operation);
        }

        @Override
        public void flush(Completion completion, long tag) {
            begin(new Operation(Kind.FLUSH, this, 0, 0, completion, tag));
        }

        @Override
        public void discard(long block, long count, Completion completion, long tag) {
            if (block < 0 || count < 1 || block + count > medium.blocks()) {
                throw new IllegalArgumentException("discard of " + count + " blocks at " + block);
            }
            Operation operation = new Operation(Kind.DISCARD, this, block, 0, completion, tag);
            operation.discarded = count;
            begin(operation);
        }

        private void check(long block, int count, Buffer memory, int index) {
            if (block < 0 || count < 1 || count > 256 || block + count > medium.blocks()) {
                throw new IllegalArgumentException(
                        count + " blocks at " + block + " of a disk of " + medium.blocks() + " blocks");
            }
            if (index < 0 || (long) (index + count) * BLOCK_BYTES > memory.capacity()) {
                throw new IllegalArgumentException(
                        count + " blocks from " + index + " of a buffer of " + memory.capacity() + " bytes");
            }
        }

        private void begin(Operation operation) {
            if (gone) {
                throw new IllegalStateException("disk " + name + " is no longer open here");
            }
            inFlight++;
            submit(operation);
        }

        /** A process that stands still hears of it when it runs again. */
        void deliver(Operation operation, int errno) {
            if (gone) {
                return;
            }
            if (loop instanceof SimProcess process && !process.awake()) {
                process.execute(() -> complete(operation, errno));
            } else {
                complete(operation, errno);
            }
        }

        private void complete(Operation operation, int errno) {
            inFlight--;
            operation.completion.done(operation.tag, errno);
        }

        @Override
        public int inFlight() {
            return inFlight;
        }

        @Override
        public void close() {
            if (inFlight > 0) {
                throw new IllegalStateException("disk " + name + " closed with " + inFlight + " operations in flight");
            }
            if (!gone) {
                gone = true;
                handle = null;
            }
        }
    }
}
