package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What a schedule holds back on one disk in memory, until it lets it go. Usually nothing. */
final class Gate {
    private static final Predicate<Step> NOTHING = step -> false;

    private final List<Runnable> held = new ArrayList<>();
    private Predicate<Step> holds = NOTHING;
    private int unverified;
    private int refused;

    /** Kinds of operations. Of a change the effect is held back, of everything else the answer. */
    enum Step {
        READ,
        LIST,
        DESCRIBE,
        WRITE,
        ZERO,
        RESIZE,
        RESYNC,
        OTHER
    }

    /** From now on holds back what {@code which} says, which is asked once for each operation. */
    void hold(Predicate<Step> which) {
        holds = which;
    }

    /** Runs what an operation comes to, now or when the gate is opened. */
    void pass(Step step, Runnable rest) {
        if (holds.test(step)) {
            held.add(rest);
        } else {
            rest.run();
        }
    }

    /** The next so many verifications come to nothing. */
    void refuseToVerify(int verifications) {
        unverified = verifications;
    }

    boolean refusesToVerify() {
        return unverified > 0 && unverified-- > 0;
    }

    /** The disk cannot take the data of the next so many writes, and makes that they never happened. */
    void refuseWrites(int writes) {
        refused = writes;
    }

    boolean refusesWrite() {
        return refused > 0 && refused-- > 0;
    }

    int held() {
        return held.size();
    }

    /** Lets everything go, in the order in which it came. */
    void open() {
        holds = NOTHING;
        List<Runnable> all = List.copyOf(held);
        held.clear();
        all.forEach(Runnable::run);
    }

    /** Whoever waited is gone. */
    void forget() {
        holds = NOTHING;
        held.clear();
    }
}
