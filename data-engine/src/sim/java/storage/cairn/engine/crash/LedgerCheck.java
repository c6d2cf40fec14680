package storage.cairn.engine.crash;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Compares what a crash left, block by block, with what the {@link Ledger} allows. */
final class LedgerCheck {
    private static final int MOST_VIOLATIONS = 20;

    private final Ledger ledger;
    private final List<List<Ledger.Write>> possible;
    private final Ledger.@Nullable Write[] held = new Ledger.Write[CrashLoad.VOLUME_BLOCKS];
    private final List<String> violations = new ArrayList<>();
    private final List<String> findings = new ArrayList<>();

    /**
     * @param acks how many acks of the last boot must have survived
     */
    LedgerCheck(Ledger ledger, int acks) {
        this.ledger = ledger;
        this.possible = ledger.possibilities(acks);
    }

    /** Tells that a block holds the 4,096 bytes at {@code offset}. */
    void holds(int block, ByteBuffer bytes, int offset) {
        List<Ledger.Write> here = possible.get(block);
        Ledger.Write write = recognise(block, bytes, offset);
        if (write == null) {
            violate("block " + block + " holds bytes that nobody wrote; it should hold " + here.getFirst());
            return;
        }
        held[block] = write;
        boolean matches = write.zero() ? here.stream().anyMatch(Ledger.Write::zero) : here.contains(write);
        if (!matches) {
            violate("block " + block + " holds " + write + "; the oldest that is allowed is " + here.getFirst());
        } else if (write.zero() && !here.getFirst().zero()) {
            findings.add("found " + block + " zero.");
        } else if (!write.zero() && !write.equals(here.getFirst())) {
            findings.add("found " + block + " " + write.boot() + " " + write.index() + ".");
        }
    }

    private Ledger.@Nullable Write recognise(int block, ByteBuffer bytes, int offset) {
        Stamp stamp = Stamp.readFrom(bytes, offset);
        if (stamp == null) {
            return Stamp.isZero(bytes, offset) ? new Ledger.Write(-1, -1, true) : null;
        }
        int boot = ledger.bootOf(stamp.seed());
        return boot < 0 || stamp.block() != block ? null : new Ledger.Write(boot, stamp.index(), false);
    }

    /** Tells that reading failed. */
    void unreadable(int block, int count, String why) {
        violate(count + " blocks at " + block + " cannot be read: " + why);
    }

    /** Looks at writes of several blocks, when all blocks are known: each is there as a whole or not at all. */
    void finish() {
        for (int block = 0; block < held.length; block++) {
            Ledger.Write write = held[block];
            if (write != null && !write.zero()) {
                checkWhole(block, write);
            }
        }
    }

    private void checkWhole(int block, Ledger.Write write) {
        CrashLoad.Op op = ledger.load(write.boot()).op(write.index());
        for (int other = op.block(); other < op.block() + op.count(); other++) {
            Ledger.Write there = held[other];
            if (there != null && !isAsNew(other, there, write)) {
                violate("torn: block " + block + " holds " + write + ", block " + other + " of it holds " + there);
                return;
            }
        }
    }

    private boolean isAsNew(int block, Ledger.Write there, Ledger.Write write) {
        if (there.zero()) {
            return possible.get(block).stream().anyMatch(zero -> zero.zero() && zero.compareTo(write) >= 0);
        }
        return there.compareTo(write) >= 0;
    }

    void violate(String what) {
        if (violations.size() < MOST_VIOLATIONS) {
            violations.add(what);
        }
    }

    /** What must not be, the first few; empty: all is well. */
    List<String> violations() {
        return violations;
    }

    /** The lines by which the next ledger learns what was found. */
    List<String> findings() {
        return findings;
    }
}
