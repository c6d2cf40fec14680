package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;

/** One request of a {@link SimHost}. */
final class HostOp {
    final Kind kind;
    final int block;
    final int count;
    /** For requests below a block: first sector, and their number; else 0 and 8 times the count. */
    final int sector;

    final int sectors;
    final long firstValue;
    final long calledNanos;
    final boolean unmap;
    /** What a write waits to be answered for. */
    final List<History.Pending> writes = new ArrayList<>();

    boolean answered;
    /** A later change of the same bytes was asked for: asked again, this one might undo it after its answer. */
    boolean overtaken;
    /** How often. */
    int sent;

    HostOp(Kind kind, int block, int count, int sector, int sectors, long firstValue, long calledNanos, boolean unmap) {
        this.kind = kind;
        this.block = block;
        this.count = count;
        this.sector = sector;
        this.sectors = sectors;
        this.firstValue = firstValue;
        this.calledNanos = calledNanos;
        this.unmap = unmap;
    }

    /** Whether its registers are sectors. */
    boolean small() {
        return block < SimHost.SMALL_BLOCKS;
    }

    boolean changes() {
        return kind == Kind.WRITE || kind == Kind.ZERO;
    }

    /** Whether it meets the bytes of the other. */
    boolean overlaps(HostOp other) {
        long first = (long) block * Stamps.SECTORS + sector;
        long otherFirst = (long) other.block * Stamps.SECTORS + other.sector;
        return first < otherFirst + other.sectors && otherFirst < first + sectors;
    }

    long value(int index) {
        return kind == Kind.ZERO ? 0 : firstValue + index;
    }

    @Override
    public String toString() {
        String where =
                small() ? sectors + " sectors at " + (block * Stamps.SECTORS + sector) : count + " blocks at " + block;
        return kind + " of " + where + (kind == Kind.WRITE ? " value " + firstValue : "");
    }

    enum Kind {
        READ,
        WRITE,
        ZERO,
        FLUSH
    }
}
