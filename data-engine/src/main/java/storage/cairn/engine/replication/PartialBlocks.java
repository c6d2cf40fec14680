package storage.cairn.engine.replication;

import java.util.function.Consumer;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;

/** Completes a write that does not begin or end at a block with what is there around it, under its range lock. */
final class PartialBlocks {
    private static final int BLOCK = BlockDevice.BLOCK_BYTES;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Merged merged;

    /** Hears of each write once. */
    interface Merged {
        /** It is of whole blocks now. */
        void whole(WriteOp op);

        /** It goes on no more: withdrawn, not served here, or what is around it cannot be read, which it was told. */
        void failed(WriteOp op);
    }

    PartialBlocks(NodeContext context, VolumeOwner owner, Merged merged) {
        this.context = context;
        this.owner = owner;
        this.merged = merged;
    }

    void complete(WriteOp op) {
        if (op.headBytes > 0) {
            mergeHead(op);
        } else if (op.tailBytes > 0) {
            mergeTail(op);
        } else {
            merged.whole(op);
        }
    }

    private void mergeHead(WriteOp op) {
        boolean oneBlock = op.count == 1;
        readOld(
                op,
                op.block,
                old -> {
                    op.data().bytes().put(0, old.bytes(), 0, op.headBytes);
                    if (oneBlock) {
                        putTail(op, old);
                    }
                },
                () -> {
                    if (op.tailBytes > 0 && !oneBlock) {
                        mergeTail(op);
                    } else {
                        merged.whole(op);
                    }
                });
    }

    private void mergeTail(WriteOp op) {
        readOld(op, op.block + op.count - 1, old -> putTail(op, old), () -> merged.whole(op));
    }

    private static void putTail(WriteOp op, Buffer old) {
        int at = op.count * BLOCK - op.tailBytes;
        op.data().bytes().put(at, old.bytes(), BLOCK - op.tailBytes, op.tailBytes);
    }

    /** Into memory of its own: when a copy was bad, its repair may have that memory for longer than this write. */
    private void readOld(WriteOp op, long block, Consumer<Buffer> merge, Runnable next) {
        Buffer old = context.buffers.owner().acquire(BLOCK);
        if (old == null) {
            context.buffers.owner().whenAvailable(() -> {
                if (owner.stopped() || op.withdrawn) {
                    merged.failed(op);
                } else {
                    readOld(op, block, merge, next);
                }
            });
            return;
        }
        owner.reads().readLocked(block, 1, old, status -> {
            boolean goesOn = !owner.stopped() && !op.withdrawn;
            if (goesOn && status == Status.OK) {
                merge.accept(old);
            }
            old.release();
            if (!goesOn) {
                merged.failed(op);
            } else if (status != Status.OK) {
                op.tell(status);
                merged.failed(op);
            } else {
                next.run();
            }
        });
    }
}
