package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Everything that hosts asked of one volume, and what they were told. Registers are blocks, or sectors of 512 bytes
 * where hosts write less than a block.
 */
public final class History {
    private static final int FIRST_REGISTERS = 1 << 10;
    private static final int AROUND = 12;

    private final String volume;
    /** By number; most have none. */
    private @Nullable Register[] registers = new Register[FIRST_REGISTERS];

    /** Numbers of those that are there. */
    private final BitSet used = new BitSet();

    private long calls;

    public History(String volume) {
        this.volume = volume;
    }

    private Register register(long number) {
        int index = Math.toIntExact(number);
        if (index >= registers.length) {
            registers = Arrays.copyOf(registers, Math.max(index + 1, 2 * registers.length));
        }
        Register known = registers[index];
        if (known == null) {
            known = new Register();
            registers[index] = known;
            used.set(index);
        }
        return known;
    }

    private @Nullable Register known(long number) {
        return number < registers.length ? registers[(int) number] : null;
    }

    /** A write was asked for. */
    public Pending writing(long register, long value, long nanos) {
        Pending op = new Pending(register, ++calls, value, nanos);
        register(register).open.add(op);
        return op;
    }

    /** It was answered as done. */
    public void written(Pending op, long nanos) {
        remove(op);
        Register register = register(op.register);
        register.writes.add(new RegisterOp(op.order, true, op.value, op.calledNanos, nanos));
        register.lastCallNanos = Math.max(register.lastCallNanos, op.calledNanos);
    }

    /** It certainly changed nothing. */
    public void refused(Pending op) {
        remove(op);
    }

    private void remove(Pending op) {
        if (!register(op.register).open.remove(op)) {
            throw new IllegalStateException("an operation on " + volume + " ended twice");
        }
    }

    public void read(long register, long value, long calledNanos, long nanos) {
        register(register).reads.add(new RegisterOp(++calls, false, value, calledNanos, nanos));
    }

    /** Whether a replica may hold {@code found} at the moment when the write of {@code op} is acked. */
    boolean mayHold(Pending op, long found) {
        if (found == op.value) {
            return true;
        }
        Register register = register(op.register);
        if (register.isOpen(found)) {
            return true;
        }
        for (int i = register.writes.size() - 1; i >= 0; i--) {
            RegisterOp other = register.writes.get(i);
            if (other.value() == found && other.answeredNanos() >= op.calledNanos) {
                return true;
            }
        }
        return false;
    }

    /** All registers that anybody ever wanted to write or read. */
    void touched(LongConsumer each) {
        for (int i = used.nextSetBit(0); i >= 0; i = used.nextSetBit(i + 1)) {
            each.accept(i);
        }
    }

    /** Whether a replica that lacks nothing may hold {@code found}: no write that was answered came after it for certain. */
    boolean mayRest(long number, long found) {
        Register register = known(number);
        if (register == null) {
            return found == 0;
        }
        if (register.isOpen(found) || (found == 0 && register.writes.isEmpty())) {
            return true;
        }
        for (int i = register.writes.size() - 1; i >= 0; i--) {
            RegisterOp write = register.writes.get(i);
            if (write.value() == found && write.answeredNanos() >= register.lastCallNanos) {
                return true;
            }
        }
        return false;
    }

    /** Checks all registers. */
    public void check() {
        for (int i = 0; i < registers.length; i++) {
            Register register = registers[i];
            if (register != null) {
                check(i, register.all());
            }
        }
    }

    private void check(int register, List<RegisterOp> all) {
        RegisterOp wrong = RegisterChecker.unexplained(all);
        if (wrong != null) {
            throw new Violation(
                            "linearizability",
                            where(register) + ": " + wrong + " has no place in any order" + around(all, wrong))
                    .about(volume, register / Stamps.SECTORS)
                    .by(wrong.answeredNanos());
        }
    }

    /**
     * Checks what is promised where data may be lost: what was read is zeroes or what somebody had asked to write there
     * before.
     */
    void checkDetection() {
        for (int i = 0; i < registers.length; i++) {
            Register register = registers[i];
            for (RegisterOp read : register == null ? List.<RegisterOp>of() : register.reads) {
                boolean known = read.value() == 0
                        || register.isOpen(read.value())
                        || register.writes.stream().anyMatch(write -> write.value() == read.value());
                if (!known) {
                    throw new Violation("I23", where(i) + ": " + read + " which nobody wrote there")
                            .about(volume, i / Stamps.SECTORS)
                            .by(read.answeredNanos());
                }
            }
        }
    }

    private String where(int register) {
        return "volume " + volume + " block " + register / Stamps.SECTORS
                + (register % Stamps.SECTORS == 0 ? "" : " sector " + register % Stamps.SECTORS);
    }

    private static String around(List<RegisterOp> all, RegisterOp wrong) {
        List<RegisterOp> before = all.stream()
                .filter(op -> op.calledNanos() <= wrong.answeredNanos())
                .sorted(Comparator.comparingLong(RegisterOp::calledNanos))
                .toList();
        StringBuilder text = new StringBuilder();
        for (RegisterOp op : before.subList(Math.max(0, before.size() - AROUND), before.size())) {
            text.append("\n  ").append(op);
        }
        return text.toString();
    }

    /** Whether the register was written, and nothing that may still be under way or came about then made it zeroes. */
    boolean surelyWritten(long number) {
        Register register = known(number);
        if (register == null || !register.open.isEmpty()) {
            return false;
        }
        RegisterOp last = null;
        for (RegisterOp op : register.writes) {
            if (last == null || op.answeredNanos() > last.answeredNanos()) {
                last = op;
            }
        }
        if (last == null || last.value() == 0) {
            return false;
        }
        for (RegisterOp op : register.writes) {
            if (op.value() == 0 && op.answeredNanos() >= last.calledNanos()) {
                return false;
            }
        }
        return true;
    }

    /** How many writes of this register have no answer. */
    public int openWrites(long number) {
        Register register = known(number);
        return register == null ? 0 : register.open.size();
    }

    /** What was asked of one register. */
    private static final class Register {
        final List<Pending> open = new ArrayList<>(0);
        /** Answered, in the order of their answers. */
        final List<RegisterOp> writes = new ArrayList<>(2);

        final List<RegisterOp> reads = new ArrayList<>(2);
        /** When the last of the answered writes was asked for. */
        long lastCallNanos = Long.MIN_VALUE;

        boolean isOpen(long value) {
            for (int i = 0; i < open.size(); i++) {
                if (open.get(i).value == value) {
                    return true;
                }
            }
            return false;
        }

        List<RegisterOp> all() {
            List<RegisterOp> all = new ArrayList<>(writes.size() + reads.size() + open.size());
            all.addAll(writes);
            all.addAll(reads);
            for (Pending op : open) {
                all.add(new RegisterOp(op.order, true, op.value, op.calledNanos, RegisterOp.NEVER));
            }
            return all;
        }
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
