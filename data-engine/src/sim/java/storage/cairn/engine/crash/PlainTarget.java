package storage.cairn.engine.crash;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;

/**
 * Writes blocks straight to their place on a device and flushes each: shows that the device keeps what it flushed,
 * and that the crash test itself is sound. The careless one acks before it flushes: it shows that the test can fail.
 */
final class PlainTarget implements CrashTarget {
    private final BlockDevice device;
    private final BufferPool buffers;
    private final boolean careless;

    PlainTarget(BlockDevice device, BufferPool buffers, boolean careless) {
        this.device = device;
        this.buffers = buffers;
        this.careless = careless;
    }

    @Override
    public void apply(CrashLoad.Op op, @Nullable Buffer data, Replica.Done done) {
        Buffer from = data == null ? zeroes(op.count()) : data.retain();
        device.write(op.block(), op.count(), from, 0, (tag, errno) -> written(op, errno, done), op.index());
        from.release();
    }

    private void written(CrashLoad.Op op, int errno, Replica.Done done) {
        if (errno != 0 || careless) {
            done.done(op.index(), status(errno));
        } else {
            device.flush((tag, flushErrno) -> done.done(tag, status(flushErrno)), op.index());
        }
    }

    private Buffer zeroes(int count) {
        Buffer buffer = buffers.acquire(count * BlockDevice.BLOCK_BYTES);
        if (buffer == null) {
            throw new IllegalStateException("the pool has no buffer for zeroes");
        }
        ByteBuffer bytes = buffer.bytes();
        for (int i = 0; i < count * BlockDevice.BLOCK_BYTES; i += Long.BYTES) {
            bytes.putLong(i, 0);
        }
        return buffer;
    }

    @Override
    public void read(int block, int count, Buffer into, Replica.Done done) {
        device.read(block, count, into, 0, (tag, errno) -> done.done(tag, status(errno)), block);
    }

    @Override
    public @Nullable String fault() {
        return null;
    }

    private static Status status(int errno) {
        return errno == 0 ? Status.OK : Status.DISK_FAILED;
    }
}
