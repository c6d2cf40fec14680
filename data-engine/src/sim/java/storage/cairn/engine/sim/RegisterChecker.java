package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether the history of one register can be explained by each operation taking effect at one moment between
 * its call and its answer.
 *
 * <p>Walks the history in time and keeps every state the register may be in: its value, and which of the open
 * operations have taken effect. An answered operation must have; a read takes effect as soon as the value is its own.
 * Values written are unique, except zero; so an unknown write that nobody read never mattered, and one that was read
 * took effect before that read's answer. Few states are left, and the walk is as good as linear.
 */
final class RegisterChecker {
    private static final int MOST_OPEN = 62;
    private static final int MOST_STATES = 200_000;

    private RegisterChecker() {}

    /** Null when the history can be explained; otherwise the operation whose answer cannot. */
    static @Nullable RegisterOp unexplained(List<RegisterOp> history) {
        if (history.stream().allMatch(RegisterOp::write)) {
            // In whatever order they came about.
            return null;
        }
        List<RegisterOp> ops = relevant(history);
        List<Moment> moments = new ArrayList<>(2 * ops.size());
        for (RegisterOp op : ops) {
            Moment call = new Moment(op.calledNanos(), op, null);
            moments.add(call);
            if (op.answeredNanos() != RegisterOp.NEVER) {
                moments.add(new Moment(op.answeredNanos(), op, call));
            }
        }
        moments.sort(Moment::compareTo);
        return walk(moments);
    }

    /** Drops unknown writes that nobody read, and closes those that somebody did. */
    private static List<RegisterOp> relevant(List<RegisterOp> history) {
        Map<Long, Long> firstRead = new HashMap<>();
        for (RegisterOp op : history) {
            if (!op.write()) {
                firstRead.merge(op.value(), op.answeredNanos(), Math::min);
            }
        }
        List<RegisterOp> relevant = new ArrayList<>();
        for (RegisterOp op : history) {
            boolean unknown = op.write() && op.answeredNanos() == RegisterOp.NEVER;
            if (!unknown || op.value() == 0) {
                relevant.add(op);
            } else if (firstRead.containsKey(op.value())) {
                relevant.add(op.answeredAt(Math.max(op.calledNanos(), firstRead.get(op.value()))));
            }
        }
        return relevant;
    }

    private static @Nullable RegisterOp walk(List<Moment> moments) {
        RegisterOp[] open = new RegisterOp[MOST_OPEN];
        States states = new States();
        states.add(new State(0, 0));
        for (Moment moment : moments) {
            RegisterOp op = moment.op;
            if (moment.call != null) {
                int slot = moment.call.slot;
                states = answered(states, open, slot);
                open[slot] = null;
                if (states.all.isEmpty()) {
                    return op;
                }
            } else {
                int slot = free(open);
                open[slot] = op;
                moment.slot = slot;
                states = op.write() ? states : settleReads(states, open);
            }
        }
        return null;
    }

    private static int free(RegisterOp[] open) {
        for (int i = 0; i < open.length; i++) {
            if (open[i] == null) {
                return i;
            }
        }
        throw new IllegalStateException("more than " + MOST_OPEN + " operations open on one register");
    }

    private static States settleReads(States states, RegisterOp[] open) {
        States settled = new States();
        for (int i = 0; i < states.all.size(); i++) {
            settled.add(settleReads(states.all.get(i), open));
        }
        return settled;
    }

    /** Lets every open read of the present value take effect: that closes no way. */
    private static State settleReads(State state, RegisterOp[] open) {
        long effected = state.effected;
        for (int i = 0; i < open.length; i++) {
            RegisterOp op = open[i];
            if (op != null && !op.write() && op.value() == state.value) {
                effected |= 1L << i;
            }
        }
        return effected == state.effected ? state : new State(state.value, effected);
    }

    /** The states in which the operation in {@code slot} has taken effect, without it. */
    private static States answered(States states, RegisterOp[] open, int slot) {
        States left = new States();
        // Grows while it is walked: what can be reached from each state is reached, too.
        for (int at = 0; at < states.all.size(); at++) {
            State state = states.all.get(at);
            if ((state.effected >>> slot & 1) != 0) {
                left.add(new State(state.value, state.effected & ~(1L << slot)));
                continue;
            }
            for (int i = 0; i < open.length; i++) {
                RegisterOp op = open[i];
                if (op != null && op.write() && (state.effected >>> i & 1) == 0) {
                    states.add(settleReads(new State(op.value(), state.effected | 1L << i), open));
                }
            }
            if (states.all.size() > MOST_STATES) {
                throw new IllegalStateException("too many ways to explain a register: lower the number of open writes");
            }
        }
        return left;
    }

    /** A few states, each once, in the order in which they were found. */
    private static final class States {
        private static final int SEARCHED = 16;

        final List<State> all = new ArrayList<>(4);
        private @Nullable Set<State> index;

        void add(State state) {
            if (index == null && all.size() == SEARCHED) {
                index = new HashSet<>(all);
            }
            if (index != null ? index.add(state) : !all.contains(state)) {
                all.add(state);
            }
        }
    }

    private record State(long value, long effected) {}

    /** When an operation was called or answered. */
    private static final class Moment {
        final long nanos;
        final RegisterOp op;
        /** Of an answer; null: this is the call. */
        final @Nullable Moment call;
        /** Among the open ones, of a call that was walked over. */
        int slot;

        Moment(long nanos, RegisterOp op, @Nullable Moment call) {
            this.nanos = nanos;
            this.op = op;
            this.call = call;
        }

        /** What was called at the very moment of another's answer counts as called before it. */
        int compareTo(Moment other) {
            if (nanos != other.nanos) {
                return Long.compare(nanos, other.nanos);
            }
            if ((call == null) != (other.call == null)) {
                return call == null ? -1 : 1;
            }
            return Long.compare(op.order(), other.op.order());
        }
    }
}
