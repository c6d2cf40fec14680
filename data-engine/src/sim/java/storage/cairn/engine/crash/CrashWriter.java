package storage.cairn.engine.crash;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Status;

/** Drives a {@link CrashLoad} against a target, some operations at a time, and prints each ack. */
final class CrashWriter {
    private static final int MOST_UNDER_WAY = 16;
    /** How far the newest operation may be ahead of the oldest under way. */
    private static final int MOST_AHEAD = 64;

    private final CrashTarget target;
    private final CrashLoad load;
    private final BufferPool buffers;
    private final Consumer<String> out;
    private final long stopAfter;
    private final Runnable stopped;
    private final List<CrashLoad.Op> underWay = new ArrayList<>();
    private CrashLoad.Op next;
    private long acks;

    /**
     * @param out takes the lines of the ledger; a line counts as said when the call returns
     * @param stopAfter acks after which {@code stopped} is called and nothing more happens
     */
    CrashWriter(
            CrashTarget target,
            CrashLoad load,
            BufferPool buffers,
            Consumer<String> out,
            long stopAfter,
            Runnable stopped) {
        this.target = target;
        this.load = load;
        this.buffers = buffers;
        this.out = out;
        this.stopAfter = stopAfter;
        this.stopped = stopped;
        this.next = load.op(0);
    }

    void start() {
        out.accept("boot " + load.seed() + ".");
        fill();
    }

    private void fill() {
        while (underWay.size() < MOST_UNDER_WAY && mayStart(next)) {
            CrashLoad.Op op = next;
            Buffer data = null;
            if (op.kind() == CrashLoad.Kind.WRITE) {
                data = stamped(op);
                if (data == null) {
                    buffers.whenAvailable(this::fill);
                    return;
                }
            }
            next = load.op(op.index() + 1);
            underWay.add(op);
            target.apply(op, data, this::done);
            if (data != null) {
                data.release();
            }
        }
    }

    private boolean mayStart(CrashLoad.Op op) {
        for (CrashLoad.Op other : underWay) {
            if (other.overlaps(op) || op.index() - other.index() > MOST_AHEAD) {
                return false;
            }
        }
        return true;
    }

    private @Nullable Buffer stamped(CrashLoad.Op op) {
        Buffer data = buffers.acquire(op.count() * BlockDevice.BLOCK_BYTES);
        if (data != null) {
            for (int i = 0; i < op.count(); i++) {
                new Stamp(load.seed(), op.index(), op.block() + i, acks)
                        .writeTo(data.bytes(), i * BlockDevice.BLOCK_BYTES);
            }
            data.seal(0, op.count());
        }
        return data;
    }

    private void done(long index, Status status) {
        if (acks >= stopAfter) {
            return;
        }
        if (status != Status.OK) {
            throw new IllegalStateException("operation " + index + " ended with " + status);
        }
        underWay.removeIf(op -> op.index() == index);
        out.accept("acked " + index + ".");
        acks++;
        if (acks >= stopAfter) {
            stopped.run();
        } else {
            fill();
        }
    }
}
