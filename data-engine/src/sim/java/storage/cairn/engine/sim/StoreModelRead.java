package storage.cairn.engine.sim;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A read under way, and what each of its blocks may read as by its {@link StoreModel}. */
final class StoreModelRead {
    final long block;
    /** When it began, in {@link StoreModel#changes}. */
    final long begun;

    /** Of each block what it was when the read began. */
    private final long[] allowed;
    /** What else it may be, of the few that have anything. */
    private final long[] @Nullable [] besides;

    /** Blocks of which it was not known, when the read began, what a lying disk had kept. */
    final boolean[] doubtful;

    StoreModelRead(long block, long begun, int count) {
        this.block = block;
        this.begun = begun;
        this.allowed = new long[count];
        this.besides = new long[count][];
        this.doubtful = new boolean[count];
    }

    /** What the block at {@code index} holds now. */
    void holds(int index, long stamp) {
        allowed[index] = stamp;
    }

    void allow(int at, long stamp) {
        int index = at - (int) block;
        if (index < 0 || index >= allowed.length) {
            return;
        }
        long[] before = besides[index];
        long[] after = before == null ? new long[1] : Arrays.copyOf(before, before.length + 1);
        after[after.length - 1] = stamp;
        besides[index] = after;
    }

    boolean allows(int index, long stamp) {
        if (allowed[index] == stamp) {
            return true;
        }
        long[] others = besides[index];
        return others != null && Arrays.stream(others).anyMatch(one -> one == stamp);
    }

    /** What the block at {@code index} may read as, in words. */
    String allowed(int index) {
        long[] others = besides[index];
        return allowed[index] + (others == null ? "" : " or " + Arrays.toString(others));
    }
}
