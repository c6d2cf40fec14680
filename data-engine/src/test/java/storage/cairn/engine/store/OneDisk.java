package storage.cairn.engine.store;

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

/** One store with one volume on a simulated disk, asked one thing after the other. */
final class OneDisk {
    static final VolumeId VOLUME = new VolumeId(new UUID(1, 1));
    private static final int EIO = 5;

    final SimClock clock = new SimClock();
    final SimDisk disk;
    final DiskId id = new DiskId(new UUID(8, 9));
    final int blocks;
    final SimBuffers buffers = new SimBuffers(1L << 30);
    LongPredicate refuseWrites = block -> false;
    boolean refuseFlushes;
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

    OneDisk(long diskBlocks, int volumeBlocks, boolean volatileCache) {
        this.disk = new SimDisk(clock, 1, diskBlocks, volatileCache);
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
        BlockDevice opened = new Faulty(disk.open(process));
        device = opened;
        store = null;
        problem = null;
        StoreSettings settings = new StoreSettings(8_192, 1 << 20, 10_000_000_000L, 256, 64);
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
        run(() -> store != null || problem != null);
    }

    void kill() {
        process.kill();
        disk.kill();
        process = new SimProcess(clock, 0);
        store = null;
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
            below.read(block, count, into, index, completion, tag);
        }

        @Override
        public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
            Completion failing = (t, errno) -> completion.done(t, EIO);
            below.write(block, count, from, index, refuseWrites.test(block) ? failing : completion, tag);
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
