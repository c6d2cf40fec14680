package storage.cairn.engine.sim;

/**
 * One operation on one register, as its host saw it.
 *
 * @param order number of its call among all
 * @param value written or read; 0 for zeroes
 * @param answeredNanos {@link #NEVER} when no answer came, or one that leaves the outcome open
 */
record RegisterOp(long order, boolean write, long value, long calledNanos, long answeredNanos) {
    static final long NEVER = Long.MAX_VALUE;

    RegisterOp answeredAt(long nanos) {
        return new RegisterOp(order, write, value, calledNanos, nanos);
    }

    @Override
    public String toString() {
        String until = answeredNanos == NEVER ? "never answered" : "answered at " + answeredNanos / 1e6 + " ms";
        return (write ? "write of " : "read of ") + value + " called at " + calledNanos / 1e6 + ", " + until;
    }
}
