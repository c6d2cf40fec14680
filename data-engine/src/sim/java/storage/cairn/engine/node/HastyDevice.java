package storage.cairn.engine.node;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;

/**
 * A device that lies: a write is told to be complete, and a flush to have succeeded, while the data is still in this
 * process only, which writes it some time later. When the process is killed, the last writes are gone.
 */
final class HastyDevice implements BlockDevice {
    private static final long LATE_NANOS = 300_000_000L;
    private static final long MEMORY_BYTES = 256L << 20;

    private final BlockDevice device;
    private final Clock clock;
    private final Slab pool;
    private final ArrayDeque<Late> queue = new ArrayDeque<>();
    private final Map<Long, Late> newest = new HashMap<>();
    private int inFlight;

    HastyDevice(BlockDevice device, EngineLoop loop) {
        this.device = device;
        this.clock = loop.clock();
        this.pool = loop.slab("a device that lies", Slab.Sizes.ofBytes(MEMORY_BYTES));
    }

    /** A write that was told to be complete. */
    private record Late(long block, int count, Buffer data) {}

    @Override
    public long blocks() {
        return device.blocks();
    }

    @Override
    public boolean volatileCache() {
        return device.volatileCache();
    }

    @Override
    public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
        Late[] seen = new Late[count];
        for (int i = 0; i < count; i++) {
            Late late = newest.get(block + i);
            if (late != null) {
                late.data().retain();
                seen[i] = late;
            }
        }
        device.read(
                block,
                count,
                into,
                index,
                (same, errno) -> {
                    for (int i = 0; i < count; i++) {
                        Late late = seen[i];
                        if (late != null) {
                            int from = Math.toIntExact(block + i - late.block()) * BLOCK_BYTES;
                            into.bytes()
                                    .put((index + i) * BLOCK_BYTES, late.data().bytes(), from, BLOCK_BYTES);
                            late.data().release();
                        }
                    }
                    completion.done(same, errno);
                },
                tag);
    }

    @Override
    public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
        Buffer copy = pool.acquire(count * BLOCK_BYTES);
        if (copy == null) {
            throw new IllegalStateException("the device that lies has no memory left");
        }
        copy.bytes().put(0, from.bytes(), index * BLOCK_BYTES, count * BLOCK_BYTES);
        Late late = new Late(block, count, copy);
        queue.add(late);
        for (int i = 0; i < count; i++) {
            newest.put(block + i, late);
        }
        clock.after(LATE_NANOS, this::writeOldest);
        complete(completion, tag);
    }

    private void writeOldest() {
        Late late = queue.remove();
        device.write(
                late.block(),
                late.count(),
                late.data(),
                0,
                (unused, errno) -> {
                    for (int i = 0; i < late.count(); i++) {
                        newest.remove(late.block() + i, late);
                    }
                    late.data().release();
                },
                0);
    }

    @Override
    public void flush(Completion completion, long tag) {
        complete(completion, tag);
    }

    @Override
    public void discard(long block, long count, Completion completion, long tag) {
        complete(completion, tag);
    }

    private void complete(Completion completion, long tag) {
        inFlight++;
        clock.execute(() -> {
            inFlight--;
            completion.done(tag, 0);
        });
    }

    @Override
    public int inFlight() {
        return inFlight + device.inFlight();
    }

    @Override
    public void close() {
        device.close();
    }
}
