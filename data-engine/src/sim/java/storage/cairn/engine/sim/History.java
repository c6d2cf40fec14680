package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Everything that hosts asked of one volume, and what they were told. Registers are blocks, or sectors of 512 bytes
 * where hosts write less than a block.
 */
public final class History {
    private final String volume;
    private final TreeMap<Long, List<RegisterOp>> registers = new TreeMap<>();
    private final TreeMap<Long, List<Pending>> pending = new TreeMap<>();
    private long calls;

    public History(String volume) {
        this.volume = volume;
    }

    /** A write was asked for. */
    public Pending writing(long register, long value, long nanos) {
        Pending op = new Pending(register, ++calls, value, nanos);
        pending.computeIfAbsent(register, unknown -> new ArrayList<>()).add(op);
        return op;
    }

    /** It was answered as done. */
    public void written(Pending op, long nanos) {
        remove(op);
        list(op.register).add(new RegisterOp(op.order, true, op.value, op.calledNanos, nanos));
    }

    /** It certainly changed nothing. */
    public void refused(Pending op) {
        remove(op);
    }

    private void remove(Pending op) {
        List<Pending> open = pending.get(op.register);
        if (open == null || !open.remove(op)) {
            throw new IllegalStateException("an operation on " + volume + " ended twice");
        }
    }

    public void read(long register, long value, long calledNanos, long nanos) {
        list(register).add(new RegisterOp(++calls, false, value, calledNanos, nanos));
    }

    private List<RegisterOp> list(long register) {
        return registers.computeIfAbsent(register, unknown -> new ArrayList<>());
    }

    /** Whether a replica may hold {@code found} at the moment when the write of {@code op} is acked. */
    boolean mayHold(Pending op, long found) {
        if (found == op.value) {
            return true;
        }
        List<Pending> open = pending.get(op.register);
        if (open != null && open.stream().anyMatch(other -> other.value == found)) {
            return true;
        }
        List<RegisterOp> done = registers.get(op.register);
        return done != null
                && done.stream()
                        .anyMatch(other ->
                                other.write() && other.value() == found && other.answeredNanos() >= op.calledNanos);
    }

    /** All registers that anybody ever wanted to write or read. */
    SortedSet<Long> touched() {
        TreeSet<Long> touched = new TreeSet<>(registers.keySet());
        touched.addAll(pending.keySet());
        return touched;
    }

    /** Whether a replica that lacks nothing may hold {@code found}: no write that was answered came after it for certain. */
    boolean mayRest(long register, long found) {
        List<Pending> open = pending.get(register);
        if (open != null && open.stream().anyMatch(write -> write.value == found)) {
            return true;
        }
        List<RegisterOp> writes = registers.getOrDefault(register, List.of()).stream()
                .filter(RegisterOp::write)
                .toList();
        return (found == 0 && writes.isEmpty())
                || writes.stream()
                        .anyMatch(write -> write.value() == found
                                && writes.stream().noneMatch(later -> later.calledNanos() > write.answeredNanos()));
    }

    /** Checks all registers. */
    public void check() {
        for (Long register : pending.keySet()) {
            list(register);
        }
        registers.forEach((register, known) -> {
            List<RegisterOp> all = new ArrayList<>(known);
            for (Pending op : pending.getOrDefault(register, List.of())) {
                all.add(new RegisterOp(op.order, true, op.value, op.calledNanos, RegisterOp.NEVER));
            }
            RegisterOp wrong = RegisterChecker.unexplained(all);
            if (wrong != null) {
                String where = "volume " + volume + " block " + register / Stamps.SECTORS
                        + (register % Stamps.SECTORS == 0 ? "" : " sector " + register % Stamps.SECTORS);
                throw new Violation(
                                "linearizability",
                                where + ": " + wrong + " has no place in any order" + around(all, wrong))
                        .about(volume, register / Stamps.SECTORS)
                        .by(wrong.answeredNanos());
            }
        });
    }

    private static String around(List<RegisterOp> all, RegisterOp wrong) {
        List<RegisterOp> before = all.stream()
                .filter(op -> op.calledNanos() <= wrong.answeredNanos())
                .sorted(Comparator.comparingLong(RegisterOp::calledNanos))
                .toList();
        StringBuilder text = new StringBuilder();
        for (RegisterOp op : before.subList(Math.max(0, before.size() - 12), before.size())) {
            text.append("\n  ").append(op);
        }
        return text.toString();
    }

    /** Whether the register was written, and nothing that may still be under way or came about then made it zeroes. */
    boolean surelyWritten(long register) {
        List<RegisterOp> done = registers.get(register);
        if (openWrites(register) > 0 || done == null) {
            return false;
        }
        RegisterOp last = null;
        for (RegisterOp op : done) {
            if (op.write() && (last == null || op.answeredNanos() > last.answeredNanos())) {
                last = op;
            }
        }
        if (last == null || last.value() == 0) {
            return false;
        }
        for (RegisterOp op : done) {
            if (op.write() && op.value() == 0 && op.answeredNanos() >= last.calledNanos()) {
                return false;
            }
        }
        return true;
    }

    /** How many writes of this register have no answer. */
    public int openWrites(long register) {
        List<Pending> open = pending.get(register);
        return open == null ? 0 : open.size();
    }

    /** A write without an answer. */
    public static final class Pending {
        final long register;
        final long order;
        final long value;
        final long calledNanos;

        Pending(long register, long order, long value, long calledNanos) {
            this.register = register;
            this.order = order;
            this.value = value;
            this.calledNanos = calledNanos;
        }
    }
}
