package storage.cairn.campaign;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import storage.cairn.engine.sim.SimRandom;

/** The faults of one round, drawn from a seed: which, when, where and how long. The same seed draws the same ones. */
record Schedule(long seed, List<Event> events) {
    private static final long QUIET_MILLIS = 3_000;
    private static final long APART_MILLIS = 500;
    private static final int MOST_EVENTS = 500;

    Schedule {
        events = List.copyOf(events);
    }

    /**
     * @param atMillis since the beginning of the round
     * @param node whom it strikes, from 1, unless it strikes the owner of the volume at that moment
     * @param other a second node where there is one, else 0
     * @param volume from 0
     * @param millis until it ends
     */
    record Event(long atMillis, FaultKind kind, int node, int other, int volume, long millis) {
        @Override
        public String toString() {
            String where =
                    kind.ofVolume() ? " volume " + volume + " node " + node : kind.ofConfig() ? "" : " node " + node;
            String with = other == 0 ? "" : " and " + other;
            return String.format("%.1f s: ", atMillis / 1e3)
                    + kind.label()
                    + where
                    + with
                    + (kind.mostMillis() == 1 ? "" : String.format(" for %.1f s", millis / 1e3));
        }
    }

    /**
     * What a schedule may draw from.
     *
     * @param faults kinds that are possible
     * @param mix which of them strike, and how often
     * @param flakyNode whose disk may fail
     */
    record Ground(Set<FaultKind> faults, Mix mix, int nodes, int volumes, int flakyNode) {}

    /** Which of the possible kinds strike in a round. */
    enum Mix {
        /** A random part of them, each as often as the seed says. */
        SOME,
        /** All of them, each as often as the seed says; in a short round that may be never. */
        ALL,
        /** Each of them once, and briefly. */
        EACH_ONCE
    }

    static Schedule draw(long seed, Ground ground, long millis) {
        SimRandom random = new SimRandom(seed);
        List<Event> drawn = ground.mix == Mix.EACH_ONCE ? once(random, ground, millis) : often(random, ground, millis);
        return new Schedule(seed, withoutOverlaps(drawn, ground.nodes));
    }

    private static List<Event> often(SimRandom random, Ground ground, long millis) {
        List<Event> drawn = new ArrayList<>();
        for (FaultKind kind : FaultKind.values()) {
            boolean chosen = ground.mix == Mix.ALL || random.below(100) < kind.percent();
            long gapMillis = random.between(kind.leastGapMillis(), kind.mostGapMillis());
            SimRandom own = random.fork();
            if (!chosen || !ground.faults.contains(kind)) {
                continue;
            }
            for (long at = QUIET_MILLIS + own.below(gapMillis);
                    at < millis && drawn.size() < MOST_EVENTS;
                    at += gapMillis / 2 + own.below(gapMillis)) {
                drawn.add(event(own, ground, kind, at, kind.mostMillis()));
            }
        }
        drawn.sort(Comparator.comparingLong(Event::atMillis));
        return drawn;
    }

    /**
     * The long ones first, the others where they overlap with nothing that they would be left out for. No two strike
     * processes at once, and the death of all comes last: what strikes while nobody serves shows nothing.
     */
    private static List<Event> once(SimRandom random, Ground ground, long millis) {
        List<FaultKind> kinds = new ArrayList<>(ground.faults);
        kinds.sort(Comparator.comparingLong(FaultKind::leastMillis).reversed());
        if (kinds.remove(FaultKind.KILL_ALL)) {
            kinds.add(FaultKind.KILL_ALL);
        }
        List<Event> placed = new ArrayList<>();
        for (FaultKind kind : kinds) {
            long room = Math.max(1, millis - QUIET_MILLIS - kind.briefMillis());
            Event event;
            int tries = 0;
            do {
                // A round that is too short for all of them gets longer.
                long at = kind == FaultKind.KILL_ALL
                        ? QUIET_MILLIS + room + tries * 100L
                        : QUIET_MILLIS + random.below(room + tries * 100L);
                event = event(random, ground, kind, at, kind.briefMillis());
                tries++;
            } while (overlaps(placed, event, ground.nodes));
            placed.add(event);
        }
        placed.sort(Comparator.comparingLong(Event::atMillis));
        return placed;
    }

    private static boolean overlaps(List<Event> placed, Event event, int nodes) {
        boolean twice = event.kind.ofProcess()
                && placed.stream().anyMatch(other -> other.kind.ofProcess() && meet(other, event));
        List<Event> all = new ArrayList<>(placed);
        all.add(event);
        all.sort(Comparator.comparingLong(Event::atMillis));
        return twice || withoutOverlaps(all, nodes).size() < all.size();
    }

    private static boolean meet(Event one, Event other) {
        return one.atMillis <= other.atMillis + other.millis + APART_MILLIS
                && other.atMillis <= one.atMillis + one.millis + APART_MILLIS;
    }

    private static Event event(SimRandom random, Ground ground, FaultKind kind, long at, long mostMillis) {
        int node = kind.ofDisk() ? ground.flakyNode : 1 + random.below(ground.nodes);
        int other = 0;
        boolean pair = kind == FaultKind.PARTITION
                || kind == FaultKind.ONE_WAY
                || kind == FaultKind.DELAY
                || kind == FaultKind.RESET;
        if (pair && ground.nodes > 1) {
            other = 1 + (node + random.below(ground.nodes - 1)) % ground.nodes;
        }
        return new Event(at, kind, node, other, random.below(ground.volumes), logUniform(random, kind, mostMillis));
    }

    /** Short ones as often as long ones, by orders of magnitude. */
    private static long logUniform(SimRandom random, FaultKind kind, long mostMillis) {
        double ratio = (double) mostMillis / kind.leastMillis();
        return (long) (kind.leastMillis() * Math.pow(ratio, random.nextDouble()));
    }

    /** Leaves out what would strike a process, the configuration store or the disk while another fault has it. */
    private static List<Event> withoutOverlaps(List<Event> drawn, int nodes) {
        long[] processFree = new long[nodes + 1];
        long configFree = 0;
        long diskFree = 0;
        long fullFree = 0;
        List<Event> kept = new ArrayList<>();
        for (Event event : drawn) {
            long until = event.atMillis + event.millis + APART_MILLIS;
            if (event.kind.ofProcess()) {
                if (processFree[event.node] > event.atMillis) {
                    continue;
                }
                processFree[event.node] = until;
            } else if (event.kind.ofConfig()) {
                if (configFree > event.atMillis) {
                    continue;
                }
                configFree = until;
            } else if (event.kind.ofDisk()) {
                if (diskFree > event.atMillis) {
                    continue;
                }
                diskFree = until;
            } else if (event.kind == FaultKind.DISK_FULL) {
                if (fullFree > event.atMillis) {
                    continue;
                }
                fullFree = until;
            }
            kept.add(event);
        }
        return kept;
    }
}
