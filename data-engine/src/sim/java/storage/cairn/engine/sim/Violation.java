package storage.cairn.engine.sim;

/** Code under simulation broke a promise. */
public final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String invariant;
    private String volume = "";
    private long block = -1;
    private long untilNanos = Long.MAX_VALUE;

    /**
     * @param invariant which one, as the design numbers them (I1 to I32), or the name of a contract
     * @param what what was seen
     */
    public Violation(String invariant, String what) {
        super(invariant + ": " + what);
        this.invariant = invariant;
    }

    /**
     * @param cause what the code under test threw
     */
    Violation(String invariant, String what, Throwable cause) {
        super(invariant + ": " + what, cause);
        this.invariant = invariant;
    }

    /** Names the volume and the block (or -1) that it is about, for its story. */
    public Violation about(String ofVolume, long ofBlock) {
        volume = ofVolume;
        block = ofBlock;
        return this;
    }

    /** Tells when it had come about, where that is noticed only later. */
    Violation by(long nanos) {
        untilNanos = nanos;
        return this;
    }

    long untilNanos() {
        return untilNanos;
    }

    public String volume() {
        return volume;
    }

    public long block() {
        return block;
    }

    public String invariant() {
        return invariant;
    }
}
