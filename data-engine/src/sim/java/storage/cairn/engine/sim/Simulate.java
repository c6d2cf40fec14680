package storage.cairn.engine.sim;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
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
            "  simulate --faults net-reset,kill  only these faults"
        })
public final class Simulate implements Callable<Integer> {
    private static final int STORY_LINES = 80;

    @Option(names = "--seed", defaultValue = "1", description = "First seed (default ${DEFAULT-VALUE}).")
    private long firstSeed;

    @Option(names = "--seeds", description = "Number of seeds (default 1000, or what --minutes allows).")
    private @Nullable Long seeds;

    @Option(names = "--minutes", description = "Real time to go on for.")
    private @Nullable Double minutes;

    @Option(names = "--faults", split = ",", description = "Faults that may strike (default: all lawful ones).")
    private String @Nullable [] faultNames;

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

    @Option(names = "--operations", defaultValue = "2000", description = "Per seed (default ${DEFAULT-VALUE}).")
    private int operations;

    @Option(names = "--trace", description = "Prints every event.")
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
    public Integer call() {
        Set<Fault> faults = faults();
        long begun = System.nanoTime();
        long until = minutes == null ? Long.MAX_VALUE : begun + (long) (minutes * 60e9);
        long most = seeds != null ? seeds : minutes != null ? Long.MAX_VALUE : 1000;
        long nextLine = begun + 5_000_000_000L;
        for (long i = 0; i < most && System.nanoTime() < until; i++) {
            if (!seed(firstSeed + i, faults)) {
                return 1;
            }
            if (System.nanoTime() > nextLine) {
                print(totals.line(System.nanoTime() - begun));
                nextLine = System.nanoTime() + 5_000_000_000L;
            }
        }
        print(totals.summary(System.nanoTime() - begun));
        return 0;
    }

    private boolean seed(long seed, Set<Fault> faults) {
        if (what != What.cluster && !run(new Life(seed, true, stores == Stores.memory, faults))) {
            return false;
        }
        if (what == What.store) {
            return true;
        }
        boolean memory = stores == Stores.memory || (stores == Stores.mixed && seed % 2 == 0);
        return run(new Life(seed, false, memory, faults));
    }

    private boolean run(Life life) {
        Trace events = trace ? Trace.printing(this::print) : Trace.hashing();
        try {
            totals.add(life.run(events));
            if (trace) {
                print("event hash " + Long.toHexString(events.hash()) + " over " + events.events() + " events");
            }
            return true;
        } catch (Violation violation) {
            tell(life, violation);
            return false;
        }
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
        print("VIOLATION in seed " + life.seed + ": " + violation.getMessage());
        if (violation.getCause() != null) {
            StackTraceElement[] frames = violation.getCause().getStackTrace();
            Arrays.stream(frames).limit(12).forEach(frame -> print("    at " + frame));
        }
        print("What led to it:");
        events.story(violation.volume(), violation.block(), STORY_LINES).forEach(this::print);
        print("Replay: simulate --seed " + life.seed + " --seeds 1 --what " + (life.store ? "store" : "cluster")
                + " --stores " + (life.memory ? "memory" : "extent") + " --mode " + mode
                + " --operations " + operations
                + (faultNames == null ? "" : " --faults " + String.join(",", faultNames)));
    }

    private Set<Fault> faults() {
        if (faultNames == null) {
            return Faults.lawful();
        }
        EnumSet<Fault> chosen = EnumSet.noneOf(Fault.class);
        for (String name : faultNames) {
            try {
                chosen.add(Fault.of(name));
            } catch (IllegalArgumentException e) {
                throw new ParameterException(commandSpec().commandLine(), String.valueOf(e.getMessage()), e);
            }
        }
        return chosen;
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

    /** One run of one seed. */
    private final class Life {
        final long seed;
        final boolean store;
        final boolean memory;
        final Set<Fault> faults;

        Life(long seed, boolean store, boolean memory, Set<Fault> faults) {
            this.seed = seed;
            this.store = store;
            this.memory = memory;
            this.faults = faults;
        }

        SimReport run(Trace events) {
            StoreTarget target = memory ? StoreTarget.IN_MEMORY : StoreTarget.EXTENT;
            if (store) {
                return new StoreSim(seed, target, faults, operations, events).run();
            }
            return new World(new World.Plan(seed, target, faults, Defect.NONE, operations, mode != Mode.safety), events)
                    .run();
        }
    }
}
