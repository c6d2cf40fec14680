package storage.cairn.engine.store;

import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;

/** The blocks of a small disk that the store of today wrote and that was killed with a journal to replay. */
final class Image {
    static final long BLOCKS = Layout.SMALLEST_BLOCKS;
    static final VolumeId VOLUME = new VolumeId(new UUID(1, 1));
    static final int VOLUME_BLOCKS = 2_048;

    private static final DiskId DISK = new DiskId(new UUID(8, 9));
    private static final DiskId OTHER = new DiskId(new UUID(8, 10));
    private static final long POOL_BYTES = 1L << 30;
    private static final int MANY_STEPS = 1_000_000;

    private final SimClock clock = new SimClock();
    private final SimBuffers buffers = new SimBuffers(POOL_BYTES);
    private final TreeMap<Long, byte[]> blocks = new TreeMap<>();
    private @Nullable ExtentStore store;
    private @Nullable Status answered;
    private long wseq;

    private Image() {}

    /** Each block that is not all zeroes, by its number. */
    static TreeMap<Long, byte[]> make() {
        Image image = new Image();
        image.live();
        return image.blocks;
    }

    static StoreSettings settings() {
        return new StoreSettings(8_192, 1 << 20, 10_000_000_000L, 256, 64);
    }

    /** In sync in the first epoch, later being rebuilt. */
    static Configuration configuration(long epoch) {
        boolean inSync = epoch == 1;
        return new Configuration(
                VOLUME,
                "fuzzed",
                1,
                epoch,
                new UUID(4, epoch),
                new Configuration.Owner(1, new UUID(5, 5)),
                List.of(inSync ? DISK : OTHER),
                List.of(new Configuration.Stale(inSync ? OTHER : DISK, 3)),
                List.of(),
                1,
                VOLUME_BLOCKS * 4096L,
                new UUID(6, 6),
                true,
                false);
    }

    private void live() {
        BlockDevice device = new Device(clock, blocks);
        boolean[] formatted = {false};
        ExtentStore.format(device, new Label(DISK, new UUID(2, 2)), buffers, clock, problem -> formatted[0] = true);
        run(() -> formatted[0]);
        ExtentStore.open(device, clock, settings(), buffers, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore result) {
                store = result;
            }

            @Override
            public void failed(String reason) {
                throw new IllegalStateException(reason);
            }
        });
        run(() -> store != null);
        ExtentStore open = store();
        ok(done -> open.create(configuration(1), done, 0));
        Replica replica = replica();
        for (int i = 0; i < 12; i++) {
            write(i * 150L, 1 + i * 23 % 200);
        }
        ok(done -> replica.zero(1, ++wseq, 0, 300, 500, true, done, 0));
        replica.commit(wseq);
        long checkpoints = open.metrics().checkpoints();
        open.checkpoint();
        run(() -> open.metrics().checkpoints() > checkpoints);
        ok(done -> replica.configure(configuration(2), done, 0));
        for (int i = 0; i < 8; i++) {
            write(i * 37L, 1 + i);
        }
        ok(done -> replica.zero(2, ++wseq, wseq - 4, 40, 10, false, done, 0));
        resync();
        ok(done -> replica.resize(2, ++wseq, wseq - 3, VOLUME_BLOCKS + 256, done, 0));
    }

    private void resync() {
        Replica.BlockState[] states = {Replica.BlockState.HOLE, Replica.BlockState.ZERO, Replica.BlockState.DATA};
        Buffer data = content(1);
        int[] crcs = {0, 0, data.crc(0)};
        Replica.ExtentContent content = new Replica.ExtentContent(states, crcs, new int[] {1, 2, 3}, 9);
        ok(done -> replica().resync(2, 512, 3, content, data, 0, 9, done, 0));
        data.release();
    }

    private void write(long block, int count) {
        Buffer data = content(count);
        long epoch = replica().configuration().epoch();
        ok(done -> replica().write(epoch, ++wseq, Math.max(0, wseq - 5), block, count, data, 0, done, 0));
        data.release();
    }

    private Buffer content(int count) {
        Buffer data = buffers.acquire(count * Mem.PAGE);
        if (data == null) {
            throw new IllegalStateException("no memory");
        }
        for (int i = 0; i < data.capacity(); i += 8) {
            data.bytes().putLong(i, wseq * 1_000_003 + i);
        }
        data.seal(0, count);
        return data;
    }

    private interface Ask {
        void ask(Replica.Done done);
    }

    private void ok(Ask ask) {
        answered = null;
        ask.ask((tag, status) -> answered = status);
        run(() -> answered != null);
        if (answered != Status.OK) {
            throw new IllegalStateException("the image cannot be made: " + answered);
        }
    }

    private ExtentStore store() {
        ExtentStore open = store;
        if (open == null) {
            throw new IllegalStateException("not open");
        }
        return open;
    }

    private Replica replica() {
        Replica replica = store().replica(VOLUME);
        if (replica == null) {
            throw new IllegalStateException("no replica");
        }
        return replica;
    }

    private void run(BooleanSupplier until) {
        for (int i = 0; !until.getAsBoolean(); i++) {
            if (i > MANY_STEPS || !clock.step()) {
                throw new IllegalStateException("the image is never done");
            }
        }
    }

    /** A disk in memory that does what it is told, at once. */
    static final class Device implements BlockDevice {
        private final Clock clock;
        private final TreeMap<Long, byte[]> blocks;
        private int inFlight;

        Device(Clock clock, TreeMap<Long, byte[]> blocks) {
            this.clock = clock;
            this.blocks = blocks;
        }

        @Override
        public long blocks() {
            return BLOCKS;
        }

        @Override
        public boolean volatileCache() {
            return true;
        }

        private void check(long block, int count) {
            if (block < 0 || count < 1 || count > 256 || block + count > BLOCKS) {
                throw new IllegalArgumentException(count + " blocks at " + block + " of a disk of " + BLOCKS);
            }
        }

        private void complete(Completion completion, long tag) {
            inFlight++;
            clock.execute(() -> {
                inFlight--;
                completion.done(tag, 0);
            });
        }

        @Override
        public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
            check(block, count);
            for (int i = 0; i < count; i++) {
                byte[] content = blocks.get(block + i);
                int at = (index + i) * Mem.PAGE;
                if (content != null) {
                    into.bytes().put(at, content);
                } else {
                    into.bytes().put(at, ZEROES);
                }
            }
            complete(completion, tag);
        }

        @Override
        public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
            check(block, count);
            for (int i = 0; i < count; i++) {
                byte[] content = new byte[Mem.PAGE];
                from.bytes().get((index + i) * Mem.PAGE, content);
                blocks.put(block + i, content);
            }
            complete(completion, tag);
        }

        @Override
        public void flush(Completion completion, long tag) {
            complete(completion, tag);
        }

        @Override
        public void discard(long block, long count, Completion completion, long tag) {
            complete(completion, tag);
        }

        @Override
        public int inFlight() {
            return inFlight;
        }

        @Override
        public void close() {}

        private static final byte[] ZEROES = new byte[Mem.PAGE];
    }
}
