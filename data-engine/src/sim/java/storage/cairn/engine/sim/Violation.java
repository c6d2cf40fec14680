package storage.cairn.engine.sim;

/** Code under simulation broke a promise. */
public final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String invariant;

    /**
     * @param invariant which one, as the design numbers them (I1 to I32), or the name of a contract
     * @param what what was seen
     */
    public Violation(String invariant, String what) {
        super(invariant + ": " + what);
        this.invariant = invariant;
    }

    public String invariant() {
        return invariant;
    }
}
