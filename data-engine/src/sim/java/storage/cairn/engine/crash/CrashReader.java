package storage.cairn.engine.crash;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Status;

/** Reads all of a target, shows it to a {@link LedgerCheck}, and calls when that is done. */
final class CrashReader {
    private final CrashTarget target;
    private final LedgerCheck check;
    private final Runnable finished;
    private final Buffer buffer;
    private int next;

    CrashReader(CrashTarget target, BufferPool buffers, LedgerCheck check, Runnable finished) {
        this.target = target;
        this.check = check;
        this.finished = finished;
        @Nullable Buffer acquired = buffers.acquire(CrashLoad.MAX_BLOCKS * BlockDevice.BLOCK_BYTES);
        if (acquired == null) {
            throw new IllegalStateException("the pool has no buffer to read into");
        }
        this.buffer = acquired;
    }

    void start() {
        target.read(next, CrashLoad.MAX_BLOCKS, buffer, this::done);
    }

    private void done(long tag, Status status) {
        if (status == Status.OK) {
            for (int i = 0; i < CrashLoad.MAX_BLOCKS; i++) {
                check.holds(next + i, buffer.bytes(), i * BlockDevice.BLOCK_BYTES);
            }
        } else {
            check.unreadable(next, CrashLoad.MAX_BLOCKS, status.toString());
        }
        next += CrashLoad.MAX_BLOCKS;
        if (next < CrashLoad.VOLUME_BLOCKS) {
            start();
            return;
        }
        buffer.release();
        String fault = target.fault();
        if (fault != null) {
            check.violate(fault);
        }
        check.finish();
        finished.run();
    }
}
