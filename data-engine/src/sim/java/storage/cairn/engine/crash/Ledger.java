package storage.cairn.engine.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a crash test printed before each crash, and what every block may therefore hold after it.
 *
 * <pre>
 *   found BLOCK zero.          after a crash the block held zeroes, which was not the oldest possibility
 *   found BLOCK BOOT INDEX.    ... or that write
 *   boot SEED.                 every other block held the oldest; now a load of this seed begins
 *   acked INDEX.               an operation of this load was acked
 * </pre>
 *
 * <p>The full stop tells a whole line from one that the crash cut off. Lines that the crash swallowed altogether only
 * weaken the check, except that operations without any line may have been submitted: {@link #UNSEEN_OPERATIONS} of
 * them are taken for possible.
 */
final class Ledger {
    /** More lines than a serial line's buffers hold, and the operations under way with them. */
    static final int UNSEEN_OPERATIONS = 600;

    private static final long MOST_OPERATIONS = 10_000_000;
    private static final Write NEVER = new Write(-1, -1, true);

    private final boolean singleBlocks;
    private final List<Boot> boots = new ArrayList<>();
    /** Findings after the last crash, when its boot has not begun its load. */
    private Map<Integer, Write> found = new HashMap<>();

    private Ledger(boolean singleBlocks) {
        this.singleBlocks = singleBlocks;
    }

    static Ledger read(Path file, boolean singleBlocks) throws IOException {
        return parse(Files.readAllLines(file), singleBlocks);
    }

    static Ledger parse(List<String> lines, boolean singleBlocks) {
        Ledger ledger = new Ledger(singleBlocks);
        for (String line : lines) {
            ledger.add(line);
        }
        return ledger;
    }

    private void add(String line) {
        if (!line.endsWith(".")) {
            throw new IllegalArgumentException("a ledger line that was cut off: '" + line + "'");
        }
        String[] words = line.substring(0, line.length() - 1).split(" ", -1);
        switch (words[0]) {
            case "boot" -> {
                boots.add(new Boot(new CrashLoad(Long.parseLong(words[1]), singleBlocks), found));
                found = new HashMap<>();
            }
            case "acked" -> {
                long index = Long.parseLong(words[1]);
                if (index < 0 || index > MOST_OPERATIONS) {
                    throw new IllegalArgumentException("no operation has the number " + index);
                }
                boots.getLast().acked.add(index);
            }
            case "found" ->
                found.put(
                        Integer.parseInt(words[1]),
                        words[2].equals("zero")
                                ? NEVER
                                : new Write(Integer.parseInt(words[2]), Long.parseLong(words[3]), false));
            default -> throw new IllegalArgumentException("not a ledger line: '" + line + "'");
        }
    }

    int boots() {
        return boots.size();
    }

    /** Acks of the last boot. */
    int acks() {
        return boots.isEmpty() ? 0 : boots.getLast().acked.size();
    }

    /** All acks of all boots. */
    int allAcks() {
        return boots.stream().mapToInt(boot -> boot.acked.size()).sum();
    }

    CrashLoad load(int boot) {
        return boots.get(boot).load;
    }

    /** The boot whose load has a seed, or -1. */
    int bootOf(long seed) {
        for (int i = 0; i < boots.size(); i++) {
            if (boots.get(i).load.seed() == seed) {
                return i;
            }
        }
        return -1;
    }

    /**
     * What each block may hold, oldest first: its last acked write and all that may have been submitted after it.
     *
     * @param acks how many acks of the last boot count; the others are taken for possible only
     */
    List<List<Write>> possibilities(int acks) {
        List<List<Write>> possible = new ArrayList<>();
        for (int block = 0; block < CrashLoad.VOLUME_BLOCKS; block++) {
            possible.add(new ArrayList<>(List.of(NEVER)));
        }
        for (int i = 0; i < boots.size(); i++) {
            Boot boot = boots.get(i);
            settle(possible, boot.foundBefore, true);
            addOperations(possible, i, i == boots.size() - 1 ? acks : boot.acked.size());
        }
        settle(possible, found, false);
        return possible;
    }

    private static void settle(List<List<Write>> possible, Map<Integer, Write> found, boolean othersAreOldest) {
        for (int block = 0; block < possible.size(); block++) {
            List<Write> here = possible.get(block);
            Write seen = found.get(block);
            if (seen != null) {
                here.removeIf(write -> seen.zero ? !write.zero : !write.equals(seen));
            } else if (othersAreOldest) {
                here.subList(1, here.size()).clear();
            }
        }
    }

    private void addOperations(List<List<Write>> possible, int number, int acks) {
        Boot boot = boots.get(number);
        BitSet acked = new BitSet();
        long last = -1;
        for (int i = 0; i < boot.acked.size(); i++) {
            long index = boot.acked.get(i);
            last = Math.max(last, index);
            if (i < acks) {
                acked.set((int) index);
            }
        }
        for (long index = 0; index <= last + UNSEEN_OPERATIONS; index++) {
            CrashLoad.Op op = boot.load.op(index);
            Write write = new Write(number, index, op.kind() != CrashLoad.Kind.WRITE);
            for (int block = op.block(); block < op.block() + op.count(); block++) {
                List<Write> here = possible.get(block);
                if (acked.get((int) index)) {
                    // Operations that overlap follow each other: an earlier one has ended before this began.
                    here.clear();
                }
                here.add(write);
            }
        }
    }

    /**
     * One write of a block.
     *
     * @param zero whether it left zeroes
     */
    record Write(int boot, long index, boolean zero) implements Comparable<Write> {
        @Override
        public int compareTo(Write other) {
            return boot != other.boot ? Integer.compare(boot, other.boot) : Long.compare(index, other.index);
        }

        @Override
        public String toString() {
            String what = zero ? "zeroes" : "data";
            return boot < 0 ? "zeroes, never written" : what + " of operation " + index + " of boot " + boot;
        }
    }

    private static final class Boot {
        final CrashLoad load;
        final Map<Integer, Write> foundBefore;
        final List<Long> acked = new ArrayList<>();

        Boot(CrashLoad load, Map<Integer, Write> foundBefore) {
            this.load = load;
            this.foundBefore = foundBefore;
        }
    }
}
