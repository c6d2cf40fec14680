package storage.cairn.engine.sim;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import storage.cairn.engine.variants.VariantsCommand;

/** The command that runs simulated stores and clusters, seed after seed, and tells the story of a broken promise. */
@Command(
        name = "simulate",
        subcommands = VariantsCommand.class,
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Runs the store, replication and takeover code on a virtual clock under seeded faults, and checks "
                        + "every promise. A seed always gives the same events.",
        footer = {
            "",
            "Examples:",
            "  simulate --minutes 10            as many seeds as ten minutes allow",
            "  simulate --seed 4711 --seeds 1 --trace   one seed with all its events",
            "  simulate --faults net-reset,kill  only these faults, in the worlds that draw them",
            "  simulate --faults kill=5000      this fault only, 5000 times in a million chances, in every world"
        })
public final class Simulate implements Callable<Integer> {
    private static final int STORY_LINES = 80;
    private static final int STACK_LINES = 12;
    private static final int MOST_JOBS = 256;
    private static final int LEAST_OPERATIONS = 1;
    private static final int MOST_OPERATIONS = 1_000_000;
    private static final long LINE_NANOS = 5_000_000_000L;
    private static final long DEFAULT_SEEDS = 1_000;
    private static final double NANOS_PER_MINUTE = 60e9;

    @Option(names = "--seed", defaultValue = "1", description = "First seed (default ${DEFAULT-VALUE}).")
    private long firstSeed;

    @Option(names = "--seeds", description = "Number of seeds (default 1000, or what --minutes allows).")
    private @Nullable Long seeds;

    @Option(names = "--minutes", description = "Real time to go on for.")
    private @Nullable Double minutes;

    @Option(
            names = "--faults",
            defaultValue = "",
            description =
                    "Faults that may strike, by comma (default: all lawful ones). A seed draws some of them; with "
                            + "'=' comes how often one strikes in a million chances, in every world.")
    private String faultList = "";

    @Option(
            names = "--mode",
            defaultValue = "both",
            description = "safety: faults only; liveness, both: then heal and come to rest (default ${DEFAULT-VALUE}).")
    private Mode mode = Mode.both;

    @Option(names = "--what", defaultValue = "all", description = "store, cluster or all (default ${DEFAULT-VALUE}).")
    private What what = What.all;

    @Option(
            names = "--stores",
            defaultValue = "mixed",
            description = "What a cluster's disks hold: memory, extent, or one after the other (default "
                    + "${DEFAULT-VALUE}).")
    private Stores stores = Stores.mixed;

    @Option(
            names = "--shape",
            split = ",",
            description = "Of every cluster: nodes=1 to nodes=5 with one volume on all of them, or on so many as "
                    + "replicas=1 to replicas=5 says; hasty, wide, small (default: the seed draws it).")
    private String @Nullable [] shapeWords;

    @Option(names = "--operations", defaultValue = "2000", description = "Per life (default ${DEFAULT-VALUE}).")
    private int operations;

    @Option(names = "--jobs", description = "Lives at a time (default: one for each processor).")
    private @Nullable Integer jobs;

    @Option(names = "--trace", description = "Prints every event; one life at a time.")
    private boolean trace;

    @Spec
    private @Nullable CommandSpec spec;

    private final Totals totals = new Totals();

    /** Runs the command; exit code 0: no promise broken, 1: one was, 2: bad arguments. */
    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Simulate()).setCaseInsensitiveEnumValuesAllowed(true);
    }

    @Override
    public Integer call() throws InterruptedException {
        Chances chances = chances();
        shape(StoreTarget.IN_MEMORY);
        checkNumbers();
        long begun = System.nanoTime();
        long most = seeds != null ? seeds : minutes != null ? Long.MAX_VALUE : DEFAULT_SEEDS;
        boolean held = trace ? trace(most, chances) : many(begun, most, chances);
        if (held) {
            print(totals.summary(System.nanoTime() - begun));
        }
        return held ? 0 : 1;
    }

    private boolean many(long begun, long most, Chances chances) throws InterruptedException {
        long until = minutes == null ? Long.MAX_VALUE : begun + (long) (minutes * NANOS_PER_MINUTE);
        long nextLine = begun + LINE_NANOS;
        long asked = 0;
        try (Lives lives = new Lives(jobs == null ? Runtime.getRuntime().availableProcessors() : jobs)) {
            while (true) {
                for (; asked < most && lives.hasRoom() && System.nanoTime() < until; asked++) {
                    livesOf(firstSeed + asked, chances).forEach(lives::begin);
                }
                if (lives.idle()) {
                    return true;
                }
                Lives.Outcome outcome = lives.next();
                if (outcome.violation() != null) {
                    tell(outcome.life(), outcome.violation());
                    return false;
                }
                if (outcome.report() != null) {
                    totals.add(outcome.life().seed(), outcome.report());
                }
                if (System.nanoTime() > nextLine) {
                    print(totals.line(System.nanoTime() - begun));
                    nextLine = System.nanoTime() + LINE_NANOS;
                }
            }
        }
    }

    private boolean trace(long most, Chances chances) {
        for (long i = 0; i < most; i++) {
            for (Life life : livesOf(firstSeed + i, chances)) {
                Trace events = Trace.printing(this::print);
                try {
                    totals.add(life.seed(), life.run(events));
                } catch (Violation violation) {
                    tell(life, violation);
                    return false;
                }
                print("event hash " + Long.toHexString(events.hash()) + " over " + events.events() + " events");
            }
        }
        return true;
    }

    private List<Life> livesOf(long seed, Chances chances) {
        boolean memory = stores == Stores.memory || (stores == Stores.mixed && seed % 2 == 0);
        boolean liveness = mode != Mode.safety;
        StoreTarget ofStore = stores == Stores.memory ? StoreTarget.IN_MEMORY : StoreTarget.EXTENT;
        StoreTarget ofCluster = memory ? StoreTarget.IN_MEMORY : StoreTarget.EXTENT;
        Life store = new Life(seed, true, ofStore, chances, null, operations, liveness);
        Life cluster = new Life(seed, false, ofCluster, chances, shape(ofCluster), operations, liveness);
        return switch (what) {
            case store -> List.of(store);
            case cluster -> List.of(cluster);
            case all -> List.of(store, cluster);
        };
    }

    /** Runs the seed again, now with its events kept, and tells what led to the violation. */
    private void tell(Life life, Violation first) {
        Trace events = Trace.recording();
        Violation violation = first;
        try {
            life.run(events);
            print("The seed did not fail again: the simulation is not deterministic.");
        } catch (Violation again) {
            violation = again;
        }
        print("VIOLATION in seed " + life.seed() + ": " + violation.getMessage());
        if (violation.getCause() != null) {
            StackTraceElement[] frames = violation.getCause().getStackTrace();
            Arrays.stream(frames).limit(STACK_LINES).forEach(frame -> print("    at " + frame));
        }
        print("What led to it:");
        events.story(violation.volume(), violation.block(), violation.untilNanos(), STORY_LINES)
                .forEach(this::print);
        print("Replay: ./cairn simulate " + life.options()
                + (faultList.isEmpty() ? "" : " --faults " + faultList)
                + (shapeWords == null ? "" : " --shape " + String.join(",", shapeWords)));
    }

    private Chances chances() {
        try {
            return Chances.parse(faultList);
        } catch (IllegalArgumentException e) {
            throw bad("--faults: " + e.getMessage());
        }
    }

    private @Nullable Shape shape(StoreTarget stores) {
        if (shapeWords == null) {
            return null;
        }
        for (String word : shapeWords) {
            if (!Shape.isWord(word)) {
                throw bad("--shape: '" + word
                        + "' is none of nodes=1 to nodes=5, replicas=1 to replicas=5, hasty, wide, small");
            }
        }
        try {
            Shape shape = Shape.parse(List.of(shapeWords), stores);
            if (shape == null) {
                throw bad("--shape: say how many nodes there are, as in nodes=3");
            }
            return shape;
        } catch (IllegalArgumentException e) {
            throw bad("--shape: " + e.getMessage());
        }
    }

    private void checkNumbers() {
        if (seeds != null && seeds < 1) {
            throw bad("--seeds: " + seeds + " is no number of seeds; give 1 or more");
        }
        if (minutes != null && !(minutes > 0 && minutes <= Integer.MAX_VALUE)) {
            throw bad("--minutes: " + minutes + " is no time to go on for; give more than 0, and at most "
                    + Integer.MAX_VALUE);
        }
        if (operations < LEAST_OPERATIONS || operations > MOST_OPERATIONS) {
            throw bad("--operations: " + operations + " is not from " + LEAST_OPERATIONS + " to " + MOST_OPERATIONS);
        }
        if (jobs != null && (jobs < 1 || jobs > MOST_JOBS)) {
            throw bad("--jobs: " + jobs + " is not from 1 to " + MOST_JOBS);
        }
    }

    private ParameterException bad(String problem) {
        return new ParameterException(commandSpec().commandLine(), problem);
    }

    private CommandSpec commandSpec() {
        if (spec == null) {
            throw new IllegalStateException("not run by picocli");
        }
        return spec;
    }

    private void print(String line) {
        PrintWriter out = commandSpec().commandLine().getOut();
        out.println(line);
        out.flush();
    }

    /** Whether to let the cluster come to rest. */
    enum Mode {
        safety,
        liveness,
        both
    }

    /** What to simulate. */
    enum What {
        store,
        cluster,
        all
    }

    /** Which stores a cluster has. */
    enum Stores {
        memory,
        extent,
        mixed
    }
}
