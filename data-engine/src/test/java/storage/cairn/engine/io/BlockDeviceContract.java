package storage.cairn.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.posix.Errno;

/** What every {@link BlockDevice} does on a real file; run for each kind. */
abstract class BlockDeviceContract {
    private static final int BLOCKS = 4096;

    @TempDir
    Path directory;

    private final EngineLoop.Setting setting;
    TestLoop loop;
    Slab slab;
    private Path path;
    BlockDevice device;

    BlockDeviceContract(EngineLoop.Setting setting) {
        this.setting = setting;
    }

    @BeforeEach
    void open() throws IOException {
        loop = new TestLoop(setting);
        slab = loop.engine.slab("test", new Slab.Sizes(600, 32, 32, 8));
        path = directory.resolve("disk");
        DiskFile disk = Disks.create(path, BLOCKS * 4096L, Disks.Buffered.ALLOWED, (done, of) -> {});
        device = loop.engine.device(disk);
    }

    @AfterEach
    void end() {
        loop.run(device::close);
        assertThat(loop.call(slab::outBytes)).isZero();
        loop.close();
    }

    @Test
    void isOfTheKindAskedFor() {
        assertThat(loop.engine.mode()).isEqualTo(setting == EngineLoop.Setting.POOL ? "pool" : "io_uring");
        assertThat(loop.engine.modeReason()).isNotBlank();
        assertThat(device.blocks()).isEqualTo(BLOCKS);
    }

    @Test
    void readsBackWhatWasWrittenAtRandomPlacesAllAtOnce() {
        RandomLoad load = new RandomLoad(20261121, 20_000, 64);
        loop.run(load::start);
        await(() -> load.finished == load.operations);
        assertThat(load.problems).isEmpty();
        assertThat(load.reads).isGreaterThan(1000);
    }

    /** Keeps {@code depth} operations under way, each block with one at a time, and checks every read. */
    private final class RandomLoad implements BlockDevice.Completion {
        final SplittableRandom random;
        final int operations;
        final int depth;
        final long[] content = new long[BLOCKS];
        final boolean[] busy = new boolean[BLOCKS];
        final Buffer[] buffers;
        final int[] blocks;
        final boolean[] writes;
        final List<String> problems = new ArrayList<>();
        int started;
        int finished;
        int reads;

        RandomLoad(long seed, int operations, int depth) {
            this.random = new SplittableRandom(seed);
            this.operations = operations;
            this.depth = depth;
            this.buffers = new Buffer[depth];
            this.blocks = new int[depth];
            this.writes = new boolean[depth];
        }

        void start() {
            for (int i = 0; i < depth; i++) {
                next(i);
            }
        }

        private void next(int slot) {
            if (started == operations) {
                return;
            }
            int block = random.nextInt(BLOCKS);
            while (busy[block]) {
                block = random.nextInt(BLOCKS);
            }
            busy[block] = true;
            blocks[slot] = block;
            Buffer buffer = TestLoop.take(slab, 4096);
            buffers[slot] = buffer;
            writes[slot] = content[block] == 0 || random.nextBoolean();
            if (writes[slot]) {
                content[block] = ++started;
                for (int i = 0; i < 4096; i += 8) {
                    buffer.bytes().putLong(i, content[block] * 31 + block);
                }
                device.write(block, 1, buffer, 0, this, slot);
            } else {
                started++;
                device.read(block, 1, buffer, 0, this, slot);
            }
        }

        @Override
        public void done(long tag, int errno) {
            int slot = (int) tag;
            int block = blocks[slot];
            if (errno != 0) {
                problems.add("errno " + errno);
            }
            if (!writes[slot]) {
                reads++;
                for (int i = 0; i < 4096; i += 8) {
                    if (buffers[slot].bytes().getLong(i) != content[block] * 31 + block) {
                        problems.add("block " + block + " at " + i);
                        break;
                    }
                }
            }
            busy[block] = false;
            buffers[slot].release();
            finished++;
            next(slot);
        }
    }

    @Test
    void anOperationAllocatesNearlyNothingOnTheLoop() throws InterruptedException {
        DeviceBench.measure(loop, device, slab, 32, "write", 1_000);
        String measured = DeviceBench.measure(loop, device, slab, 32, "read", 1_000);
        System.out.println(measured);
        double bytes = Double.parseDouble(measured.replaceAll(".* and ([0-9.]+) bytes.*", "$1"));
        // Netty's ring operation is 80 bytes where escape analysis does not remove it, as before C2 has compiled.
        assertThat(bytes).isLessThan(100);
    }

    @Test
    void movesAMebibyteAndPartsOfABuffer() throws IOException {
        Buffer out = loop.acquire(slab, 1 << 20);
        for (int i = 0; i < 1 << 20; i += 4) {
            out.bytes().putInt(i, i);
        }
        assertThat(one(c -> device.write(7, 256, out, 0, c, 1))).isZero();
        assertThat(one(c -> device.flush(c, 2))).isZero();
        Buffer in = loop.acquire(slab, 1 << 20);
        assertThat(one(c -> device.read(7, 256, in, 0, c, 3))).isZero();
        assertThat(in.bytes()).isEqualTo(out.bytes());
        assertThat(one(c -> device.read(9, 3, in, 250, c, 4))).isZero();
        assertThat(in.bytes().slice(250 * 4096, 3 * 4096)).isEqualTo(out.bytes().slice(2 * 4096, 3 * 4096));
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer seen = ByteBuffer.allocate(4096);
            file.read(seen, (7 + 100) * 4096L);
            assertThat(seen.flip()).isEqualTo(out.bytes().slice(100 * 4096, 4096));
        }
        loop.run(out::release);
        loop.run(in::release);
    }

    @Test
    void completesNeverInsideTheCallAndHoldsTheMemoryUntilThen() {
        Results results = new Results();
        Buffer buffer = loop.acquire(slab, 4096);
        loop.run(() -> {
            device.write(0, 1, buffer, 0, results, 5);
            buffer.release();
            assertThat(results.ended).isEmpty();
            assertThat(buffer.references()).isOne();
            assertThat(device.inFlight()).isOne();
        });
        await(() -> !results.ended.isEmpty());
        loop.run(() -> {
            assertThat(buffer.references()).isZero();
            assertThat(device.inFlight()).isZero();
        });
    }

    @Test
    void moreOperationsThanTheKernelIsGivenWaitTheirTurn() {
        Results results = new Results();
        int count = QueuedDevice.RUNNING_MAX * 4;
        loop.run(() -> {
            Buffer buffer = TestLoop.take(slab, 4096);
            for (int i = 0; i < count; i++) {
                device.read(i, 1, buffer, 0, results, i);
            }
            assertThat(device.inFlight()).isEqualTo(count);
            assertThatThrownBy(device::close).hasMessageContaining("in flight");
            buffer.release();
        });
        await(() -> results.ended.size() == count);
        assertThat(results.errors).isZero();
        assertThat(results.ended).doesNotHaveDuplicates();
        assertThat(loop.call(device::inFlight)).isZero();
    }

    @Test
    void anUnboundedSubmitterIsStopped() {
        Results results = new Results();
        loop.run(() -> {
            Buffer buffer = TestLoop.take(slab, 4096);
            for (int i = 0; i < QueuedDevice.REQUESTS_MAX; i++) {
                device.read(0, 1, buffer, 0, results, i);
            }
            assertThatThrownBy(() -> device.flush(results, 0)).hasMessageContaining("more than");
            buffer.release();
        });
        await(() -> results.ended.size() == QueuedDevice.REQUESTS_MAX);
    }

    @Test
    void aFileThatBecameShorterGivesAnIoErrorAndNeverOldBytes() throws IOException {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
            file.truncate(10 * 4096);
        }
        Buffer buffer = loop.acquire(slab, 16384);
        assertThat(one(c -> device.read(8, 4, buffer, 0, c, 1))).isEqualTo(Errno.EIO);
        assertThat(one(c -> device.read(100, 1, buffer, 0, c, 2))).isEqualTo(Errno.EIO);
        assertThat(one(c -> device.read(8, 2, buffer, 0, c, 3))).isZero();
        loop.run(buffer::release);
    }

    @Test
    void anErrorOfTheKernelArrivesByItsNumber() throws IOException {
        DiskFile closed = Disks.create(directory.resolve("closed"), 1 << 20, Disks.Buffered.ALLOWED, (done, of) -> {});
        BlockDevice broken = loop.engine.device(closed);
        closed.close();
        Buffer buffer = loop.acquire(slab, 4096);
        assertThat(one(c -> broken.write(0, 1, buffer, 0, c, 1))).isEqualTo(Errno.EBADF);
        assertThat(one(c -> broken.read(0, 1, buffer, 0, c, 2))).isEqualTo(Errno.EBADF);
        assertThat(one(c -> broken.flush(c, 3))).isEqualTo(Errno.EBADF);
        loop.run(buffer::release);
        loop.run(broken::close);
    }

    @Test
    void aDiscardOfAFileKeepsItsSpace() {
        assertThat(one(c -> device.discard(0, BLOCKS, c, 1))).isZero();
    }

    @Test
    void operationsOutOfRangeAreErrorsOfTheCaller() {
        loop.run(() -> {
            Buffer buffer = TestLoop.take(slab, 4096);
            Results results = new Results();
            assertThatThrownBy(() -> device.read(BLOCKS, 1, buffer, 0, results, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.read(-1, 1, buffer, 0, results, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.read(0, 2, buffer, 0, results, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.read(0, 1, buffer, 1, results, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.write(0, 0, buffer, 0, results, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> device.discard(1, Long.MAX_VALUE, results, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(buffer.references()).isOne();
            assertThat(device.inFlight()).isZero();
            buffer.release();
        });
    }

    private interface Submission {
        void submit(BlockDevice.Completion completion);
    }

    /** Submits one operation, waits for it, and gives its errno. */
    private int one(Submission submission) {
        Results results = new Results();
        loop.run(() -> submission.submit(results));
        await(() -> !results.ended.isEmpty());
        return results.lastErrno;
    }

    void await(java.util.concurrent.Callable<Boolean> condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(2))
                .atMost(Duration.ofMinutes(3))
                .until(() -> loop.call(condition));
    }

    private static final class Results implements BlockDevice.Completion {
        final List<Long> ended = new ArrayList<>();
        int errors;
        int lastErrno;

        @Override
        public void done(long tag, int errno) {
            ended.add(tag);
            errors += errno == 0 ? 0 : 1;
            lastErrno = errno;
        }
    }
}
