package storage.cairn.engine.sim;

import java.util.random.RandomGenerator;

/** The one source of chance in a simulated world: SplitMix64, the same numbers for a seed on every machine. */
public final class SimRandom implements RandomGenerator {
    private static final long GAMMA = 0x9e3779b97f4a7c15L;
    private static final int MILLION = 1_000_000;

    private long state;

    public SimRandom(long seed) {
        state = mix(seed + GAMMA);
    }

    @Override
    public long nextLong() {
        state += GAMMA;
        return mix(state);
    }

    /** A number from 0 to {@code bound - 1}. */
    public int below(int bound) {
        return (int) below((long) bound);
    }

    /** A number from 0 to {@code bound - 1}. */
    public long below(long bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("a number below " + bound);
        }
        return Long.remainderUnsigned(nextLong() >>> 1, bound);
    }

    /** A number from {@code least} to {@code most}. */
    public long between(long least, long most) {
        return least + below(most - least + 1);
    }

    /** True that often in a million; never draws for 0, so that a fault turned off changes no other choice. */
    public boolean chance(int perMillion) {
        return perMillion > 0 && below(MILLION) < perMillion;
    }

    /** A generator of its own, whose use changes no number of this one. */
    public SimRandom fork() {
        return new SimRandom(nextLong());
    }

    static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
