package storage.cairn.engine.nbd;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;

/**
 * A volume in memory that obeys the contract of {@link HostVolume}, checks that its caller does, completes out of
 * order, and fails on demand. On one loop.
 */
final class MemoryVolume implements HostVolume {
    private static final int BLOCK = 4096;

    private final Clock clock;
    private final Random random = new Random(42);
    private final byte[] content;
    private final boolean[] allocated;
    private final ArrayDeque<Runnable> held = new ArrayDeque<>();
    private boolean holding;
    private int failAfter = -1;
    private Status failure = Status.OK;
    private @Nullable Status always;
    int open;
    int flushes;
    int outstanding;
    long unmappedBytes;

    MemoryVolume(Clock clock, int sizeBytes) {
        this.clock = clock;
        this.content = new byte[sizeBytes];
        this.allocated = new boolean[sizeBytes / BLOCK];
    }

    byte[] content() {
        return content;
    }

    /** The operation after {@code operations} others fails, once. */
    void failAfter(int operations, Status status) {
        failAfter = operations;
        failure = status;
    }

    void failAlways(@Nullable Status status) {
        always = status;
    }

    /** Keeps completions back until {@link #releaseHeld}. */
    void hold() {
        holding = true;
    }

    void releaseHeld() {
        holding = false;
        for (Runnable task = held.poll(); task != null; task = held.poll()) {
            clock.execute(task);
        }
    }

    private Status outcome() {
        Status fixed = always;
        if (fixed != null) {
            return fixed;
        }
        return failAfter-- == 0 ? failure : Status.OK;
    }

    private void complete(Runnable task) {
        outstanding++;
        Runnable ended = () -> {
            outstanding--;
            task.run();
        };
        if (holding) {
            held.add(ended);
        } else if (random.nextInt(4) == 0) {
            clock.after(random.nextInt(200_000), ended);
        } else {
            clock.execute(ended);
        }
    }

    private void requireOpen() {
        if (open <= 0) {
            throw new IllegalStateException("an operation on a closed volume");
        }
    }

    @Override
    public long sizeBytes() {
        return content.length;
    }

    @Override
    public void read(long block, int count, Buffer into, Done done, long tag) {
        requireOpen();
        if (count < 1 || count > 256 || into.capacity() < count * BLOCK || (block + count) * BLOCK > content.length) {
            throw new IllegalArgumentException("read of " + count + " blocks at " + block);
        }
        into.retain();
        Status status = outcome();
        complete(() -> {
            if (status == Status.OK) {
                into.bytes().put(0, content, (int) block * BLOCK, count * BLOCK);
            }
            into.release();
            done.done(tag, status);
        });
    }

    @Override
    public void write(long offset, int length, Buffer data, Done done, long tag) {
        requireOpen();
        int at = (int) (offset % BLOCK);
        int blocks = (int) ((offset + length - 1) / BLOCK - offset / BLOCK) + 1;
        if (length < 1 || blocks > 256 || data.capacity() < at + length || offset + length > content.length) {
            throw new IllegalArgumentException("write of " + length + " bytes at " + offset);
        }
        data.retain();
        Status status = outcome();
        complete(() -> {
            if (status == Status.OK) {
                data.bytes().get(at, content, (int) offset, length);
                for (int i = 0; i < blocks; i++) {
                    allocated[(int) (offset / BLOCK) + i] = true;
                }
            }
            data.release();
            done.done(tag, status);
        });
    }

    @Override
    public void zero(long offset, long length, boolean unmap, Done done, long tag) {
        requireOpen();
        if (length < 1 || offset < 0 || offset + length > content.length) {
            throw new IllegalArgumentException("zero of " + length + " bytes at " + offset);
        }
        Status status = outcome();
        complete(() -> {
            if (status == Status.OK) {
                java.util.Arrays.fill(content, (int) offset, (int) (offset + length), (byte) 0);
                if (unmap) {
                    unmappedBytes += length;
                    for (long b = (offset + BLOCK - 1) / BLOCK; (b + 1) * BLOCK <= offset + length; b++) {
                        allocated[(int) b] = false;
                    }
                }
            }
            done.done(tag, status);
        });
    }

    @Override
    public void flush(Done done, long tag) {
        requireOpen();
        flushes++;
        Status status = outcome();
        complete(() -> done.done(tag, status));
    }

    @Override
    public void blockStatus(long block, long count, int maxRuns, Runs done, long tag) {
        requireOpen();
        if (count < 1 || (block + count) * BLOCK > content.length || maxRuns < 1) {
            throw new IllegalArgumentException("status of " + count + " blocks at " + block);
        }
        Status status = outcome();
        complete(() -> {
            List<Run> runs = new ArrayList<>();
            long at = block;
            while (at < block + count && runs.size() < maxRuns) {
                long end = at;
                while (end < block + count && allocated[(int) end] == allocated[(int) at]) {
                    end++;
                }
                runs.add(new Run(end - at, allocated[(int) at], !allocated[(int) at]));
                at = end;
            }
            done.done(tag, status, runs);
        });
    }

    @Override
    public void close() {
        open--;
    }

    static ByteBuffer pattern(long seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return ByteBuffer.wrap(bytes);
    }
}
