package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * An extent store on a device of memory that is done at once, with one replica and a load that keeps a number of random
 * blocks under way: what is left is the cost of the store itself. The load allocates nothing.
 */
final class MemoryStore {
    private final Loop loop = new Loop();
    private final MemoryDevice device;
    private final Pool pool = new Pool();
    private final StoreSettings settings;
    private final int places;
    private final int stride;
    private final int depth;
    private final SplittableRandom random = new SplittableRandom(1);
    private final int[] idle;
    private final boolean[] busy;
    private final int[] blocks;
    private final Buffer[] buffers;
    private final Replica.Done ended = this::ended;
    private final Replica replica;
    private int idleCount;
    private long done;
    private long wseq;
    private int credits;
    private @Nullable ExtentStore store;

    /** @param places blocks that the load uses, each {@code stride} blocks after the one before */
    MemoryStore(MemoryDevice device, int places, int stride, int depth, StoreSettings settings) {
        this.device = device;
        this.settings = settings;
        this.places = places;
        this.stride = stride;
        this.depth = depth;
        this.idle = new int[depth];
        this.busy = new boolean[places];
        this.blocks = new int[depth];
        this.buffers = new Buffer[depth];
        for (int i = 0; i < depth; i++) {
            buffers[i] = pool.acquire(4096);
            buffers[i].seal(0, 1);
            idle[idleCount++] = i;
        }
        this.replica = open();
    }

    ExtentStore store() {
        ExtentStore opened = store;
        if (opened == null) {
            throw new IllegalStateException("not open");
        }
        return opened;
    }

    /** Brings what was written since the last checkpoint into pages. */
    void checkpoint() {
        long before = store().metrics().checkpoints();
        store().checkpoint();
        run(() -> store().metrics().checkpoints() > before);
    }

    private Replica open() {
        DiskId id = new DiskId(new UUID(1, 1));
        boolean[] step = {false};
        ExtentStore.format(device, new Label(id, new UUID(2, 2)), pool, loop, problem -> step[0] = problem == null);
        run(() -> step[0]);
        ExtentStore.open(device, loop, settings, pool, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore opened) {
                store = opened;
            }

            @Override
            public void failed(String reason) {
                throw new AssertionError(reason);
            }
        });
        run(() -> store != null);
        Configuration configuration = new Configuration(
                new VolumeId(new UUID(3, 3)),
                "v",
                1,
                1,
                new UUID(4, 4),
                null,
                List.of(id),
                List.of(),
                List.of(),
                1,
                4096L * places * stride,
                null,
                false,
                false);
        ExtentStore opened = store();
        step[0] = false;
        opened.create(configuration, (tag, status) -> step[0] = status == Status.OK, 0);
        run(() -> step[0]);
        Replica replica = opened.replica(configuration.volume());
        if (replica == null) {
            throw new AssertionError("no replica");
        }
        return replica;
    }

    /** Writes {@code count} random blocks, {@code depth} at a time. */
    void write(int count) {
        long end = done + count;
        while (done < end) {
            while (idleCount > 0) {
                int i = idle[--idleCount];
                int block = random.nextInt(places);
                while (busy[block]) {
                    block = (block + 1) % places;
                }
                busy[block] = true;
                blocks[i] = block;
                if (credits == 0) {
                    credits = replica.grantCredits(1, 1_024);
                }
                credits = Math.max(0, credits - 1);
                wseq++;
                replica.write(
                        1, wseq, Math.max(0, wseq - 4L * depth), (long) block * stride, 1, buffers[i], 0, ended, i);
            }
            turn();
        }
    }

    /** Writes every place once, in order. */
    void fill() {
        long end = done + places;
        int next = 0;
        while (done < end) {
            while (idleCount > 0 && next < places) {
                int i = idle[--idleCount];
                blocks[i] = next;
                replica.grantCredits(1, 1_024);
                wseq++;
                replica.write(
                        1, wseq, Math.max(0, wseq - 4L * depth), (long) next++ * stride, 1, buffers[i], 0, ended, i);
            }
            turn();
        }
    }

    /** Reads {@code count} random blocks, {@code depth} at a time. */
    void read(int count) {
        long end = done + count;
        while (done < end) {
            while (idleCount > 0) {
                int i = idle[--idleCount];
                blocks[i] = random.nextInt(places);
                replica.read((long) blocks[i] * stride, 1, buffers[i], 0, ended, i);
            }
            turn();
        }
    }

    private void ended(long tag, Status status) {
        if (status != Status.OK) {
            throw new AssertionError(status);
        }
        busy[blocks[(int) tag]] = false;
        idle[idleCount++] = (int) tag;
        done++;
    }

    private void turn() {
        boolean any = false;
        while (loop.step()) {
            any = true;
        }
        if (!device.complete() && !any) {
            throw new AssertionError("nothing happens any more");
        }
    }

    private void run(BooleanSupplier until) {
        while (!until.getAsBoolean()) {
            turn();
        }
    }

    private static final class Loop implements Clock {
        private final ArrayDeque<Runnable> tasks = new ArrayDeque<>(1_024);

        boolean step() {
            Runnable task = tasks.poll();
            if (task != null) {
                task.run();
            }
            return task != null;
        }

        @Override
        public long nanos() {
            return 0;
        }

        @Override
        public long wallMillis() {
            return 0;
        }

        @Override
        public Timer after(long delayNanos, Runnable task) {
            if (delayNanos <= 1_000_000) {
                tasks.add(task);
            }
            return () -> {};
        }

        @Override
        public void execute(Runnable task) {
            tasks.add(task);
        }
    }

    private static final class Pool implements BufferPool {
        @Override
        public Buffer acquire(int bytes) {
            return new Piece(bytes + 4095 & -4096);
        }

        @Override
        public void whenAvailable(Runnable task) {
            throw new AssertionError("this pool is never empty");
        }

        private static final class Piece extends Buffer {
            Piece(int bytes) {
                super(ByteBuffer.allocateDirect(bytes));
                handOut();
            }

            @Override
            protected void recycle() {}
        }
    }
}
