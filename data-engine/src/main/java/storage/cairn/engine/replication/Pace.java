package storage.cairn.engine.replication;

/**
 * How fast a rebuild may go: by its ceiling while hosts do nothing, else between floor and ceiling by how long hosts'
 * operations take meanwhile. While they take no longer than twice the best that was seen lately, it quickens; when they
 * do, it halves. Below the floor it never falls, so that a rebuild ends however busy hosts are.
 *
 * <p>How long they take follows from what is at hand without a clock reading for each: operations under way, divided by
 * those that end in a time.
 */
final class Pace {
    private static final long SAMPLE_NANOS = 50 * NodeContext.NANOS_PER_MILLI;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    /** Of the best, so that a load which has grown is not compared for ever with what it was. */
    private static final long FORGET_SHARE = 64;

    private final long floorBytesPerSecond;
    private final long ceilingBytesPerSecond;
    private long rate;
    private long nextNanos;
    private long sampleNanos;
    private long samples;
    private long underWay;
    private long endedBefore;
    private long bestNanos;

    /**
     * @param ended operations that hosts have had when it begins
     */
    Pace(long floorBytesPerSecond, long ceilingBytesPerSecond, long nowNanos, long ended) {
        this.floorBytesPerSecond = Math.max(1, floorBytesPerSecond);
        this.ceilingBytesPerSecond = Math.max(this.floorBytesPerSecond, ceilingBytesPerSecond);
        this.rate = this.floorBytesPerSecond;
        this.nextNanos = nowNanos;
        this.sampleNanos = nowNanos;
        this.endedBefore = ended;
    }

    /** How long to wait before the next piece of work. */
    long waitNanos(long nowNanos) {
        return Math.max(0, nextNanos - nowNanos);
    }

    /** Some work was done: spreads it over time. */
    void pay(long bytes, long nowNanos) {
        nextNanos = Math.max(nextNanos, nowNanos) + bytes * NANOS_PER_SECOND / rate;
    }

    long bytesPerSecond() {
        return rate;
    }

    /**
     * Looks at the hosts' operations; to be called often.
     *
     * @param present operations of hosts under way now
     * @param ended operations that hosts have had, ever; counted at their begin, which for a steady load is the same
     */
    void look(int present, long ended, long nowNanos) {
        samples++;
        underWay += present;
        long passed = nowNanos - sampleNanos;
        if (passed < SAMPLE_NANOS) {
            return;
        }
        adapt(passed, ended - endedBefore);
        sampleNanos = nowNanos;
        samples = 0;
        underWay = 0;
        endedBefore = ended;
    }

    private void adapt(long passedNanos, long ended) {
        if (ended == 0 && underWay == 0) {
            rate = ceilingBytesPerSecond;
            return;
        }
        // Where something ended, something was under way, though perhaps not when it was looked at.
        double mean = Math.max(1.0, (double) underWay / samples);
        long takesNanos = (long) (mean * passedNanos / Math.max(1, ended));
        bestNanos = bestNanos == 0 ? takesNanos : Math.min(takesNanos, bestNanos + bestNanos / FORGET_SHARE);
        rate = takesNanos > 2 * bestNanos
                ? Math.max(floorBytesPerSecond, rate / 2)
                : Math.min(ceilingBytesPerSecond, rate + rate / 4);
    }
}
