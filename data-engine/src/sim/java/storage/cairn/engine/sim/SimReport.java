package storage.cairn.engine.sim;

/**
 * What one simulated life held.
 *
 * @param virtualNanos how long it was on its own clock
 * @param operations answered to hosts, or by the store
 * @param hash of all its events
 * @param struck how often each fault struck, by its ordinal
 * @param administered moves, growths, deletions, new exports and wishes for other disks
 * @param convergenceNanos from healing to rest; {@link #NOT_AWAITED}: it was not to come to rest
 */
record SimReport(
        long virtualNanos,
        long operations,
        long hash,
        long[] struck,
        long crashes,
        long conflicts,
        long takeovers,
        long rebuilds,
        long repairs,
        long administered,
        long convergenceNanos) {
    static final long NOT_AWAITED = -1;

    static SimReport ofStore(long virtualNanos, long operations, long hash, Faults faults, long crashes) {
        return new SimReport(virtualNanos, operations, hash, faults.struck(), crashes, 0, 0, 0, 0, 0, NOT_AWAITED);
    }
}
