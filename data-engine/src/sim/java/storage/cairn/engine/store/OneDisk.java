package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;
import storage.cairn.engine.sim.SimDisk;
import storage.cairn.engine.sim.SimProcess;

/**
 * One store with one volume on a simulated disk, asked one thing after the other, and a device below it that refuses and
 * holds back what a test or a schedule says.
 */
final class OneDisk {
    static final VolumeId VOLUME = new VolumeId(new UUID(1, 1));
    private static final int EIO = 5;
    private static final LongPredicate NONE = block -> false;

    final SimClock clock = new SimClock();
    final SimDisk disk;
    final DiskId id = new DiskId(new UUID(8, 9));
    final int blocks;
    final SimBuffers buffers = new SimBuffers(1L << 30);
    LongPredicate refuseWrites = NONE;
    LongPredicate refuseReads = NONE;
    /** Writes that begin there do not reach the disk until they are let go. */
    LongPredicate heldWrites = NONE;
    /** The same of reads. */
    LongPredicate heldReads = NONE;

    boolean refuseFlushes;
    /** How a store that is opened from now on has it. */
    long checkpointNanos = 10_000_000_000L;

    int deviceReads;
    SimProcess process = new SimProcess(clock, 0);

    @Nullable
    ExtentStore store;

    @Nullable
    BlockDevice device;

    @Nullable
    String problem;

    long epoch = 1;
    long wseq;
    private final List<Runnable> held = new ArrayList<>();
    /** First blocks of the writes that the device has. */
    private final List<Long> writing = new ArrayList<>();
    /** Where the newest write of all began. */
    private long lastWritten;

    OneDisk(long diskBlocks, int volumeBlocks, boolean volatileCache) {
        this(1, diskBlocks, volumeBlocks, volatileCache);
    }

    OneDisk(long seed, long diskBlocks, int volumeBlocks, boolean volatileCache) {
        this.disk = new SimDisk(clock, seed, diskBlocks, volatileCache);
        this.blocks = volumeBlocks;
        BlockDevice raw = disk.open(process);
        boolean[] done = {false};
        ExtentStore.format(raw, new Label(id, new UUID(2, 2)), buffers, process, failed -> done[0] = failed == null);
        run(() -> done[0]);
        raw.close();
        open();
        if (status(answer -> store().create(configuration(List.of(id)), answer, 0)) != Status.OK) {
            throw new AssertionError("create");
        }
    }

    ExtentStore store() {
        ExtentStore s = store;
        if (s == null) {
            throw new AssertionError("not open: " + problem);
        }
        return s;
    }

    Replica replica() {
        Replica replica = store().replica(VOLUME);
        if (replica == null) {
            throw new AssertionError("no replica");
        }
        return replica;
    }

    Configuration configuration(List<DiskId> inSync) {
        List<Configuration.Stale> syncing = inSync.contains(id) ? List.of() : List.of(new Configuration.Stale(id, 0));
        return new Configuration(
                VOLUME,
                "one",
                1,
                epoch,
                new UUID(4, epoch),
                null,
                inSync,
                syncing,
                List.of(),
                1,
                blocks * 4096L,
                null,
                false,
                false);
    }

    void open() {
        beginOpen();
        run(() -> store != null || problem != null);
    }

    void beginOpen() {
        BlockDevice opened = new Faulty(disk.open(process));
        device = opened;
        store = null;
        problem = null;
        StoreSettings settings = new StoreSettings(8_192, 1 << 20, checkpointNanos, 256, 64);
        ExtentStore.open(opened, process, settings, buffers, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore result) {
                store = result;
            }

            @Override
            public void failed(String reason) {
                problem = reason;
            }
        });
    }

    void kill() {
        gone();
        disk.kill();
    }

    void powerCut() {
        gone();
        disk.powerCut();
    }

    private void gone() {
        process.kill();
        process = new SimProcess(clock, 0);
        store = null;
        heldWrites = NONE;
        heldReads = NONE;
        held.clear();
        writing.clear();
    }

    int held() {
        return held.size();
    }

    /** Lets go what was held back, and holds nothing from now on. */
    void letGo() {
        heldWrites = NONE;
        heldReads = NONE;
        List<Runnable> all = List.copyOf(held);
        held.clear();
        all.forEach(Runnable::run);
    }

    /** Whether the device has a write that begins at such a block. */
    boolean writes(LongPredicate at) {
        return writing.stream().anyMatch(at::test);
    }

    long lastWritten() {
        return lastWritten;
    }

    /** Whether a block lies in the journal ring. */
    boolean isJournal(long block) {
        return block >= layout().journalStart() && block < layout().firstSlot();
    }

    boolean isSlot(long block) {
        return layout().isSlot(block);
    }

    Layout layout() {
        try {
            return Layout.of(disk.blocks());
        } catch (StoreException e) {
            throw new IllegalStateException(e);
        }
    }

    void close(boolean grants) {
        Status status = status(answer -> store().close(grants, answer, 0));
        if (status != Status.OK || device == null) {
            throw new AssertionError("close: " + status);
        }
        device.close();
        store = null;
    }

    interface Ask {
        void ask(Replica.Done answer);
    }

    Status status(Ask ask) {
        Status[] answer = {null};
        ask.ask((tag, status) -> answer[0] = status);
        if (answer[0] != null) {
            throw new AssertionError("answered inside the call");
        }
        run(() -> answer[0] != null);
        return answer[0];
    }

    /** Asks and does not wait; the answer will be in the first place. */
    static Status[] begin(Ask ask) {
        Status[] answer = {null};
        ask.ask((tag, status) -> answer[0] = status);
        return answer;
    }

    Buffer content(long id, int count) {
        Buffer data = buffers.acquire(count * 4096);
        if (data == null) {
            throw new AssertionError("out of buffers");
        }
        for (int i = 0; i < count; i++) {
            CrashWorld.fill(data, i, id + i);
        }
        data.seal(0, count);
        return data;
    }

    Status write(long block, int count, long content) {
        return write(++wseq, block, count, content);
    }

    Status write(long seq, long block, int count, long content) {
        Buffer data = content(content, count);
        Status status = status(answer -> replica().write(epoch, seq, 0, block, count, data, 0, answer, 0));
        data.release();
        replica().commit(seq);
        return status;
    }

    /** The content number of a block, or -1 when it cannot be read. */
    long read(long block) {
        Buffer into = buffers.acquire(4096);
        if (into == null) {
            throw new AssertionError("out of buffers");
        }
        Status status = status(answer -> replica().read(block, 1, into, 0, answer, 0));
        long found = status == Status.OK ? into.bytes().getLong(0) : -1;
        into.release();
        return found;
    }

    void checkpoint() {
        long before = store().metrics().checkpoints();
        store().checkpoint();
        run(() -> store().metrics().checkpoints() > before);
    }

    void run(BooleanSupplier until) {
        for (int i = 0; !until.getAsBoolean(); i++) {
            if (i > 2_000_000 || !clock.step()) {
                throw new AssertionError("never happens");
            }
        }
    }

    /** Refuses what the test wants refused. */
    private final class Faulty implements BlockDevice {
        private final BlockDevice below;

        Faulty(BlockDevice below) {
            this.below = below;
        }

        @Override
        public long blocks() {
            return below.blocks();
        }

        @Override
        public boolean volatileCache() {
            return below.volatileCache();
        }

        @Override
        public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
            deviceReads++;
            Completion failing = (t, errno) -> completion.done(t, EIO);
            Completion told = refuseReads.test(block) ? failing : completion;
            perhapsHeld(heldReads.test(block), () -> below.read(block, count, into, index, told, tag));
        }

        @Override
        public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
            int forced = refuseWrites.test(block) ? EIO : 0;
            perhapsHeld(heldWrites.test(block), () -> {
                writing.add(block);
                lastWritten = block;
                Completion ended = (t, errno) -> {
                    writing.remove(block);
                    completion.done(t, forced == 0 ? errno : forced);
                };
                below.write(block, count, from, index, ended, tag);
            });
        }

        private void perhapsHeld(boolean hold, Runnable operation) {
            if (hold) {
                held.add(operation);
            } else {
                operation.run();
            }
        }

        @Override
        public void flush(Completion completion, long tag) {
            Completion failing = (t, errno) -> completion.done(t, EIO);
            below.flush(refuseFlushes ? failing : completion, tag);
        }

        @Override
        public void discard(long block, long count, Completion completion, long tag) {
            below.discard(block, count, completion, tag);
        }

        @Override
        public int inFlight() {
            return below.inFlight();
        }

        @Override
        public void close() {
            below.close();
        }
    }
}
