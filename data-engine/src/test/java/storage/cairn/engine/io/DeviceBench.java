package storage.cairn.engine.io;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;

/**
 * Measures random 4 KiB operations on a file: {@code DeviceBench FILE DEPTH SECONDS read|write|group...}. Each line tells
 * operations and processor time of the whole process.
 */
public final class DeviceBench implements BlockDevice.Completion {
    private final BlockDevice device;
    private final Buffer[] buffers;
    private final boolean write;
    private final int flushEvery;
    private final SplittableRandom random = new SplittableRandom(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private boolean stopping;
    private int underWay;
    private int inGroup;
    long done;
    int errors;

    DeviceBench(BlockDevice device, Buffer[] buffers, boolean write, int flushEvery) {
        this.device = device;
        this.buffers = buffers;
        this.write = write;
        this.flushEvery = flushEvery;
    }

    void start() {
        for (int i = 0; i < buffers.length; i++) {
            next(i);
        }
    }

    private void next(int slot) {
        underWay++;
        long block = random.nextLong(device.blocks());
        if (write) {
            device.write(block, 1, buffers[slot], 0, this, slot);
        } else {
            device.read(block, 1, buffers[slot], 0, this, slot);
        }
    }

    @Override
    public void done(long tag, int errno) {
        errors += errno == 0 ? 0 : 1;
        underWay--;
        if (tag >= 0) {
            done++;
            inGroup++;
        }
        if (stopping) {
            if (underWay == 0) {
                ended.countDown();
            }
        } else if (flushEvery == 0) {
            next((int) tag);
        } else if (tag < 0) {
            inGroup = 0;
            start();
        } else if (inGroup == flushEvery) {
            underWay++;
            device.flush(this, -1);
        }
    }

    void stop() {
        stopping = true;
    }

    /** One measurement; also used by the allocation test. */
    static String measure(TestLoop loop, BlockDevice device, Slab slab, int depth, String mode, int millis)
            throws InterruptedException {
        Buffer[] buffers = new Buffer[depth];
        for (int i = 0; i < depth; i++) {
            buffers[i] = loop.acquire(slab, 4096);
        }
        DeviceBench bench = new DeviceBench(device, buffers, !mode.equals("read"), mode.equals("group") ? depth : 0);
        com.sun.management.ThreadMXBean threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        com.sun.management.OperatingSystemMXBean system =
                (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long thread = loop.call(() -> Thread.currentThread().threadId());
        loop.run(bench::start);
        pause(millis / 2);
        long doneBefore = loop.call(() -> bench.done);
        long bytes = threads.getThreadAllocatedBytes(thread);
        long cpu = system.getProcessCpuTime();
        long time = System.nanoTime();
        pause(millis);
        long operations = loop.call(() -> bench.done) - doneBefore;
        long seconds = System.nanoTime() - time;
        double cpuMicros = (system.getProcessCpuTime() - cpu) / 1e3 / operations;
        double allocated = (double) (threads.getThreadAllocatedBytes(thread) - bytes) / operations;
        loop.run(bench::stop);
        bench.ended.await();
        loop.run(() -> {
            for (Buffer buffer : buffers) {
                buffer.release();
            }
        });
        if (bench.errors > 0) {
            throw new IllegalStateException(bench.errors + " errors");
        }
        return String.format(
                "%-8s %-5s depth %3d: %7.0f op/s, %5.2f us of processor and %.1f bytes on the loop's heap each",
                loop.engine.mode(), mode, depth, operations * 1e9 / seconds, cpuMicros, allocated);
    }

    private static void pause(int millis) throws InterruptedException {
        new CountDownLatch(1).await(millis, java.util.concurrent.TimeUnit.MILLISECONDS);
    }

    public static void main(String[] arguments) throws Exception {
        Path path = Path.of(arguments[0]);
        if (!Files.exists(path)) {
            Disks.create(path, 1L << 30, Disks.Buffered.REFUSED, (d, o) -> {}).close();
        }
        for (EngineLoop.Setting setting :
                new EngineLoop.Setting[] {EngineLoop.Setting.IO_URING, EngineLoop.Setting.POOL}) {
            try (TestLoop loop = new TestLoop(setting)) {
                Slab slab = loop.engine.slab("bench", new Slab.Sizes(512, 1, 1, 1));
                BlockDevice device = loop.engine.device(Disks.open(path, Disks.Buffered.REFUSED));
                for (int i = 3; i < arguments.length; i++) {
                    System.out.println(measure(
                            loop,
                            device,
                            slab,
                            Integer.parseInt(arguments[1]),
                            arguments[i],
                            Integer.parseInt(arguments[2]) * 1000));
                }
                loop.run(device::close);
            }
        }
    }
}
