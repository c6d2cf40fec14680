package storage.cairn.engine.sim;

/** How long the lives of a test are: most are short, so that there can be thousands of them, and some are long. */
final class LifeLengths {
    private static final int SHORTEST = 40;
    private static final int DOUBLINGS = 3;
    private static final int LONG = 1_000;
    private static final int LONG_ONE_OF = 16;

    private LifeLengths() {}

    /** Operations of the life of a seed. */
    static int operations(long seed) {
        SimRandom random = new SimRandom(~seed);
        return random.below(LONG_ONE_OF) == 0 ? LONG : SHORTEST << random.below(DOUBLINGS);
    }
}
