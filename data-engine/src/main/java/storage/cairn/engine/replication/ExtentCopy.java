package storage.cairn.engine.replication;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;

/**
 * Makes one extent of a joining replica equal to the source's. No write of the extent is under way from before the
 * source is read until the last piece lies on the replica's stream; later writes come behind it there.
 */
final class ExtentCopy extends RangeLock.Entry {
    private final NodeContext context;
    private final VolumeOwner owner;
    private final Rebuild rebuild;
    private final Member source;
    private final Member target;
    private final long sinceSeq;
    private final long extent;

    private @Nullable RangeLock lock;
    private @Nullable ExtentContent from;
    private @Nullable ExtentContent to;
    private @Nullable Buffer data;
    /** Blocks of the extent that lie in the volume. */
    private final int end;

    private int next;
    private int copied;
    private int unacked = 1;
    private boolean over;

    ExtentCopy(
            NodeContext context,
            VolumeOwner owner,
            Rebuild rebuild,
            Member source,
            Member target,
            long sinceSeq,
            long extent) {
        this.context = context;
        this.owner = owner;
        this.rebuild = rebuild;
        this.source = source;
        this.target = target;
        this.sinceSeq = sinceSeq;
        this.extent = extent;
        this.end = Math.clamp(owner.blocks() - extent * Replica.EXTENT_BLOCKS, 0, Replica.EXTENT_BLOCKS);
    }

    void begin(RangeLock range) {
        lock = range;
        range.acquire(this, extent * Replica.EXTENT_BLOCKS, Replica.EXTENT_BLOCKS, false);
    }

    @Override
    void locked() {
        if (!source.ready() || !target.ready()) {
            fail("a side was lost");
            return;
        }
        source.link().describe(extent, (tag, status, content) -> {
            from = content;
            described(status);
        });
        target.link().describe(extent, (tag, status, content) -> {
            to = content;
            described(status);
        });
    }

    private void described(Status status) {
        if (over) {
            return;
        }
        if (status != Status.OK) {
            fail("extent " + extent + " could not be compared: " + status);
        } else if (from != null && to != null) {
            copyOn();
        }
    }

    /** Copies the next run of blocks that differ; runs are of one kind, mapped or not. */
    private void copyOn() {
        ExtentContent mine = from;
        ExtentContent theirs = to;
        if (over || mine == null || theirs == null) {
            return;
        }
        while (next < end && Rebuild.equal(mine, theirs, next, sinceSeq)) {
            next++;
        }
        long maxWseq = Math.max(mine.maxWseq(), theirs.maxWseq());
        if (next == end) {
            // Nothing differs any more: the extent's maxWseq is raised all the same.
            send(0, 0, null, maxWseq);
            unlock();
            acked(Status.OK);
            return;
        }
        int first = next;
        boolean mapped = mine.states()[first] == BlockState.DATA;
        while (next < end
                && !Rebuild.equal(mine, theirs, next, sinceSeq)
                && (mine.states()[next] == BlockState.DATA) == mapped) {
            next++;
        }
        int count = next - first;
        if (!mapped) {
            send(first, count, null, maxWseq);
            copyOn();
            return;
        }
        read(first, count, maxWseq);
    }

    private void read(int first, int count, long maxWseq) {
        Buffer into = context.buffers.background().acquire(count * BlockDevice.BLOCK_BYTES);
        if (into == null) {
            context.buffers.background().whenAvailable(() -> {
                if (!over) {
                    read(first, count, maxWseq);
                }
            });
            return;
        }
        data = into;
        owner.reads().readLocked(extent * Replica.EXTENT_BLOCKS + first, count, into, status -> {
            data = null;
            if (over) {
                into.release();
                return;
            }
            if (status != Status.OK) {
                into.release();
                fail("extent " + extent + " could not be read: " + status);
                return;
            }
            send(first, count, into, maxWseq);
            into.release();
            copied += count;
            copyOn();
        });
    }

    private void send(int first, int count, @Nullable Buffer content, long maxWseq) {
        ExtentContent mine = from;
        if (mine == null || over) {
            return;
        }
        if (!target.ready()) {
            fail("the replica was lost");
            return;
        }
        ExtentContent piece = new ExtentContent(
                Arrays.copyOfRange(mine.states(), first, first + count),
                Arrays.copyOfRange(mine.crcs(), first, first + count),
                Arrays.copyOfRange(mine.wseqLows(), first, first + count),
                maxWseq);
        unacked++;
        target.link()
                .resync(
                        owner.members().epoch(),
                        extent * Replica.EXTENT_BLOCKS + first,
                        count,
                        piece,
                        content,
                        0,
                        maxWseq,
                        (tag, status) -> acked(status));
    }

    private void acked(Status status) {
        if (over) {
            return;
        }
        if (status != Status.OK) {
            fail("extent " + extent + " was not taken: " + status);
        } else if (--unacked == 0) {
            over = true;
            rebuild.copied(this, copied);
        }
    }

    private void unlock() {
        RangeLock range = lock;
        if (range != null && linked()) {
            range.release(this);
        }
    }

    private void fail(String reason) {
        if (!over) {
            stop();
            rebuild.failed(this, reason);
        }
    }

    void stop() {
        over = true;
        unlock();
    }
}
