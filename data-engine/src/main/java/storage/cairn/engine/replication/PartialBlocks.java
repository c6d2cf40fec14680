package storage.cairn.engine.replication;

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

    private interface Merge {
        void merge(Buffer old);
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
        readOld(op, op.block, old -> {
            op.data().bytes().put(0, old.bytes(), 0, op.headBytes);
            if (op.tailBytes > 0 && op.count == 1) {
                op.data().bytes().put(BLOCK - op.tailBytes, old.bytes(), BLOCK - op.tailBytes, op.tailBytes);
                merged.whole(op);
            } else if (op.tailBytes > 0) {
                mergeTail(op);
            } else {
                merged.whole(op);
            }
        });
    }

    private void mergeTail(WriteOp op) {
        readOld(op, op.block + op.count - 1, old -> {
            int at = op.count * BLOCK - op.tailBytes;
            op.data().bytes().put(at, old.bytes(), BLOCK - op.tailBytes, op.tailBytes);
            merged.whole(op);
        });
    }

    private void readOld(WriteOp op, long block, Merge merge) {
        Buffer old = op.old;
        if (old == null) {
            old = context.buffers.owner().acquire(BLOCK);
            op.old = old;
        }
        if (old == null) {
            context.buffers.owner().whenAvailable(() -> {
                if (owner.stopped() || op.withdrawn) {
                    merged.failed(op);
                } else {
                    readOld(op, block, merge);
                }
            });
            return;
        }
        Buffer into = old;
        owner.reads().readLocked(block, 1, into, status -> {
            if (owner.stopped() || op.withdrawn) {
                merged.failed(op);
            } else if (status != Status.OK) {
                op.tell(status);
                merged.failed(op);
            } else {
                merge.merge(into);
            }
        });
    }
}
