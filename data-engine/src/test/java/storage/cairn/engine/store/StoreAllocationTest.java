package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/** The steady path makes next to no garbage, checkpoints included, and few journal blocks at depth. */
class StoreAllocationTest {
    private static final int DEPTH = 32;
    private static final int VOLUME_BLOCKS = 16_384;
    private static final int OPERATIONS = 100_000;

    private final Loop loop = new Loop();
    private final Memory device = new Memory(65_536);
    private final Pool pool = new Pool();
    private final int[] idle = new int[DEPTH];
    private final boolean[] busy = new boolean[VOLUME_BLOCKS];
    private final int[] blocks = new int[DEPTH];
    private final Buffer[] buffers = new Buffer[DEPTH];
    private int idleCount;
    private long done;
    private long wseq;
    private int credits;
    private @Nullable ExtentStore store;

    @Test
    void writesAndReadsAllocateNextToNothing() {
        Replica replica = open();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int i = 0; i < DEPTH; i++) {
            buffers[i] = pool.acquire(4096);
            buffers[i].seal(0, 1);
            idle[idleCount++] = i;
        }
        SplittableRandom random = new SplittableRandom(1);
        long allocated = 0;
        long written = 0;
        for (int round = 0; round < 4; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            long blocksBefore = device.written;
            write(replica, random, OPERATIONS);
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
            written = device.written - blocksBefore;
        }
        assertThat(allocated / (double) OPERATIONS)
                .as("bytes allocated for a write")
                .isLessThan(32);
        assertThat(written / (double) OPERATIONS)
                .as("blocks written for a block")
                .isLessThan(1.1);
        for (int round = 0; round < 3; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            read(replica, random, OPERATIONS);
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(allocated / (double) OPERATIONS)
                .as("bytes allocated for a read")
                .isLessThan(32);
    }

    private Replica open() {
        DiskId id = new DiskId(new UUID(1, 1));
        boolean[] step = {false};
        ExtentStore.format(device, new Label(id, new UUID(2, 2)), pool, loop, problem -> step[0] = problem == null);
        run(() -> step[0]);
        StoreSettings settings = new StoreSettings(50_000, 4 << 20, 1_800_000_000_000L, 256, 64);
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
                VOLUME_BLOCKS * 4096L,
                null,
                false,
                false);
        ExtentStore opened = store;
        if (opened == null) {
            throw new AssertionError("not open");
        }
        step[0] = false;
        opened.create(configuration, (tag, status) -> step[0] = status == Status.OK, 0);
        run(() -> step[0]);
        Replica replica = opened.replica(configuration.volume());
        if (replica == null) {
            throw new AssertionError("no replica");
        }
        return replica;
    }

    private void write(Replica replica, SplittableRandom random, int count) {
        long end = done + count;
        Replica.Done written = this::written;
        while (done < end) {
            while (idleCount > 0) {
                int i = idle[--idleCount];
                int block = random.nextInt(VOLUME_BLOCKS);
                while (busy[block]) {
                    block = (block + 1) % VOLUME_BLOCKS;
                }
                busy[block] = true;
                blocks[i] = block;
                if (credits == 0) {
                    credits = replica.grantCredits(1, 1_024);
                }
                credits = Math.max(0, credits - 1);
                wseq++;
                replica.write(1, wseq, Math.max(0, wseq - 4 * DEPTH), block, 1, buffers[i], 0, written, i);
            }
            turn();
        }
    }

    private void written(long tag, Status status) {
        if (status != Status.OK) {
            throw new AssertionError(status);
        }
        busy[blocks[(int) tag]] = false;
        idle[idleCount++] = (int) tag;
        done++;
    }

    private void read(Replica replica, SplittableRandom random, int count) {
        long end = done + count;
        Replica.Done written = this::written;
        while (done < end) {
            while (idleCount > 0) {
                int i = idle[--idleCount];
                replica.read(random.nextInt(VOLUME_BLOCKS), 1, buffers[i], 0, written, i);
            }
            turn();
        }
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

    /** A device that is done at once, in memory. */
    private static final class Memory implements BlockDevice {
        private final ByteBuffer bytes;
        private final Completion[] completions = new Completion[4_096];
        private final long[] tags = new long[4_096];
        private int first;
        private int next;
        long written;

        Memory(int blocks) {
            bytes = ByteBuffer.allocateDirect(blocks * 4096);
        }

        private void end(Completion completion, long tag) {
            completions[next & 4_095] = completion;
            tags[next++ & 4_095] = tag;
        }

        boolean complete() {
            int end = next;
            boolean any = first != end;
            for (; first != end; first++) {
                completions[first & 4_095].done(tags[first & 4_095], 0);
            }
            return any;
        }

        @Override
        public long blocks() {
            return bytes.capacity() / 4096;
        }

        @Override
        public boolean volatileCache() {
            return true;
        }

        @Override
        public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
            into.bytes().put(index * 4096, bytes, (int) block * 4096, count * 4096);
            end(completion, tag);
        }

        @Override
        public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
            written += count;
            bytes.put((int) block * 4096, from.bytes(), index * 4096, count * 4096);
            end(completion, tag);
        }

        @Override
        public void flush(Completion completion, long tag) {
            end(completion, tag);
        }

        @Override
        public void discard(long block, long count, Completion completion, long tag) {
            end(completion, tag);
        }

        @Override
        public int inFlight() {
            return next - first;
        }

        @Override
        public void close() {}
    }
}
