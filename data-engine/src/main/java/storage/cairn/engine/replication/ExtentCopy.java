package storage.cairn.engine.replication;

import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;

/**
 * Makes one extent of a joining replica equal to the source's.
 *
 * <p>It is compared while writes go on: both sides get each of them, so that a block which is equal once stays so, and
 * one that differs only because a write is between the two is copied for nothing, which does no harm. Only the stretch
 * that differs is locked then. No write of it is under way from before the source is asked again and read until the
 * last piece lies on the replica's stream; later writes come behind it there.
 */
final class ExtentCopy extends RangeLock.Entry {
    /** Pieces that are read at once: as much of the disks as a host of moderate depth takes. */
    private static final int MAX_READS = 8;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Rebuild rebuild;
    private final Member source;
    private final Member target;
    private final long sinceSeq;
    private final long extent;
    /** Blocks of the extent that lie in the volume. */
    private final int end;

    private final BitSet differing = new BitSet(Replica.EXTENT_BLOCKS);
    private @Nullable ExtentContent from;
    private @Nullable ExtentContent to;

    private int next;
    private int reading;
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

    void begin() {
        if (!target.ready()) {
            fail("the replica was lost");
            return;
        }
        describeSource(this::compare);
        if (!over) {
            target.link().describe(extent, (tag, status, content) -> {
                to = content;
                described(status, this::compare);
            });
        }
    }

    private void describeSource(Runnable then) {
        if (!source.ready()) {
            fail("the source was lost");
            return;
        }
        source.link().describe(extent, (tag, status, content) -> {
            if (!over && content != null && content.lost()) {
                rebuild.sourceLost(this, source, extent);
                return;
            }
            from = content;
            described(status, then);
        });
    }

    private void described(Status status, Runnable then) {
        if (over) {
            return;
        }
        if (status != Status.OK) {
            fail("extent " + extent + " could not be compared: " + status);
        } else if (from != null && to != null) {
            then.run();
        }
    }

    private ExtentContent from() {
        return present(from);
    }

    private ExtentContent to() {
        return present(to);
    }

    private static ExtentContent present(@Nullable ExtentContent content) {
        if (content == null) {
            throw new IllegalStateException("an extent is copied that was not compared");
        }
        return content;
    }

    private void compare() {
        for (int block = 0; block < end; block++) {
            differing.set(block, !equal(from(), to(), block, sinceSeq));
        }
        if (differing.isEmpty()) {
            if (to().maxWseq() < from().maxWseq()) {
                send(0, 0, null);
            }
            sent();
            return;
        }
        int first = differing.nextSetBit(0);
        owner.lock().acquire(this, extent * Replica.EXTENT_BLOCKS + first, differing.length() - first, false);
    }

    /** Whether a block may be left as it is: both sides have the same version of it. A hole is a zero block. */
    static boolean equal(ExtentContent source, ExtentContent other, int block, long sinceSeq) {
        return Math.max(source.maxWseq(), other.maxWseq()) - sinceSeq < 1 << 24
                && source.crcs()[block] == other.crcs()[block]
                && source.wseqLows()[block] == other.wseqLows()[block]
                && source.wseqLows()[block] != ExtentContent.LOST;
    }

    @Override
    void locked() {
        describeSource(this::copyOn);
    }

    /** Begins with as many pieces as may be read at once; a piece is of one kind, mapped or not. */
    private void copyOn() {
        while (!over && reading < MAX_READS) {
            int first = differing.nextSetBit(next);
            if (first < 0) {
                if (reading == 0) {
                    unlock();
                    sent();
                }
                return;
            }
            boolean mapped = isMapped(first);
            next = first + 1;
            while (differing.get(next) && isMapped(next) == mapped) {
                next++;
            }
            if (mapped) {
                reading++;
                read(first, next - first);
            } else {
                send(first, next - first, null);
            }
        }
    }

    private boolean isMapped(int block) {
        return from().states()[block] == BlockState.DATA;
    }

    private void read(int first, int count) {
        Buffer into = context.buffers.background().acquire(count * BlockDevice.BLOCK_BYTES);
        if (into == null) {
            context.buffers.background().whenAvailable(() -> {
                if (!over) {
                    read(first, count);
                }
            });
            return;
        }
        owner.reads().readLocked(extent * Replica.EXTENT_BLOCKS + first, count, into, status -> {
            reading--;
            if (!over && status == Status.OK) {
                copied += count;
                send(first, count, into);
            } else if (!over) {
                fail("extent " + extent + " could not be read: " + status);
            }
            into.release();
            copyOn();
        });
    }

    private void send(int first, int count, @Nullable Buffer content) {
        if (over) {
            return;
        }
        if (!target.ready()) {
            fail("the replica was lost");
            return;
        }
        ExtentContent mine = from();
        long maxWseq = Math.max(mine.maxWseq(), to().maxWseq());
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

    /** Nothing more is to be sent. */
    private void sent() {
        acked(Status.OK);
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
        if (linked()) {
            owner.lock().release(this);
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
