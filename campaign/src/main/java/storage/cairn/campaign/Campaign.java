package storage.cairn.campaign;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Violation;
import storage.cairn.engine.variants.BrokenClasses;

/** The command that lets real engines live under real faults and checks every promise that can be seen from outside. */
@Command(
        name = "campaign",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Starts real engines in network namespaces, writes and reads through them from many connections,"
                + " and kills, stops, cuts off and starves them on a seeded schedule. Every history must be"
                + " linearizable, every replica equal at rest, everything acked there after all engines were killed.",
        footer = {
            "",
            "Exit codes: 0 no promise was broken, 1 one was, 2 wrong arguments.",
            "",
            "Examples:",
            "  campaign --minutes 10                     clusters, rounds and faults as the seed draws them",
            "  campaign --minutes 2 --faults kill,pause  only these",
            "  campaign --seed 7 --minutes 5 --nodes 5   five nodes, the schedules of seed 7",
            "  campaign --minutes 1 --each-once          a short one with every kind of fault",
            "  campaign --faults comeback --variant lease-unchecked  engines that do not look at their leases"
        })
public final class Campaign implements Callable<Integer> {
    private static final int ROUNDS_PER_LIFE = 3;
    private static final int STORY_LINES = 60;
    /** Engines of shorter rounds never get warm: without the optimising compiler they start in half of the time. */
    private static final int WARM_SECONDS = 60;

    private static final int MOST_WRITERS = 4;
    private static final int LEAST_NODES_FOR_FAILING_DISK = 3;

    @Option(names = "--minutes", defaultValue = "10", description = "How long (default ${DEFAULT-VALUE}).")
    private double minutes;

    @Option(names = "--seed", description = "First seed (default: drawn, and printed).")
    private @Nullable Long firstSeed;

    @Option(names = "--nodes", description = "1 to 9 (default: 3, sometimes 2, 4 or 5, by seed).")
    private @Nullable Integer nodes;

    @Option(names = "--volumes", description = "1 to 8 (default: 1 to 3, by seed).")
    private @Nullable Integer volumes;

    @Option(names = "--faults", split = ",", description = "Faults that strike (default: a random part in each round).")
    private String @Nullable [] faultNames;

    @Option(
            names = "--round",
            defaultValue = "60",
            description = "Seconds of faults before each rest (default ${DEFAULT-VALUE}).")
    private int roundSeconds;

    @Option(
            names = "--each-once",
            description = "Every fault strikes once, briefly, in each round, which lasts until then.")
    private boolean eachOnce;

    @Option(
            names = "--writers",
            defaultValue = "4",
            description = "Most of a volume, 1 to 32 (default ${DEFAULT-VALUE}); the seed draws how many.")
    private int mostWriters;

    @Option(
            names = "--rest",
            defaultValue = "150",
            description = "Seconds that the way to rest may take after everything was healed"
                    + " (default ${DEFAULT-VALUE}).")
    private int restSeconds;

    @Option(names = Isolation.INSIDE, hidden = true)
    private @Nullable Path inside;

    @Option(names = "--engine", hidden = true, description = "Main class of the engines: to see a broken one be found.")
    private String engineClass = EngineCommand.MAIN_CLASS;

    @Option(
            names = "--variant",
            description = "Breaks the engines on purpose, as 'simulate variants' does: to see that it is found.")
    private @Nullable String variant;

    @Option(names = "--without-namespaces", hidden = true)
    private boolean loopback;

    @Spec
    private @Nullable CommandSpec spec;

    private final Events events = new Events();
    private final Totals totals = new Totals();

    /** Runs the command and ends the process. */
    public static void main(String[] arguments) {
        int code = commandLine().execute(arguments);
        System.out.flush();
        Runtime.getRuntime().halt(code);
    }

    static CommandLine commandLine() {
        return new CommandLine(new Campaign());
    }

    @Override
    public Integer call() {
        checkArguments();
        Path folder = inside;
        return folder == null
                ? Isolation.run(spec().commandLine().getParseResult().originalArgs(), this::print)
                : campaign(folder);
    }

    private void checkArguments() {
        String broken = variant;
        if (broken != null && !BrokenClasses.names().contains(broken)) {
            throw new ParameterException(
                    spec().commandLine(),
                    "no variant is named '" + broken + "'; 'simulate variants --list' tells them all");
        }
        Set<FaultKind> unused = faults();
        if ((nodes != null && (nodes < 1 || nodes > 9))
                || (volumes != null && (volumes < 1 || volumes > 8))
                || roundSeconds < 5
                || restSeconds < 1
                || mostWriters < 1
                || mostWriters > 32
                || minutes <= 0) {
            throw new ParameterException(
                    spec().commandLine(),
                    "use 1 to 9 nodes, 1 to 8 volumes, 1 to 32 writers, rounds of 5 s or more, a rest of 1 s or more, and"
                            + " some minutes");
        }
    }

    private int campaign(Path folder) {
        Thread.ofPlatform().daemon().start(Campaign::endWithTheOther);
        long seed = firstSeed == null ? ThreadLocalRandom.current().nextLong(1_000_000) : firstSeed;
        print("seed " + seed + "; logs of the engines are in " + folder + " while it runs");
        Network network = loopback ? Network.ofLoopback() : Network.ofNamespaces();
        leftOut(network);
        long until = System.nanoTime() + (long) (minutes * 60e9);
        while (System.nanoTime() < until) {
            if (!life(seed, folder, network, until)) {
                return 1;
            }
            seed++;
        }
        totals.summary(events.effects()).forEach(this::print);
        return 0;
    }

    /** The process outside holds the other end of the standard input; everything in here ends with it. */
    private static void endWithTheOther() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            System.err.println("standard input: " + e);
        }
        Runtime.getRuntime().halt(1);
    }

    private void leftOut(Network network) {
        if (!network.namespaces()) {
            print("left out, since network namespaces cannot be made here: loss, every fault of the configuration"
                    + " store; partitions are made by proxies only");
        } else if (!Shell.has("nft")) {
            throw new ParameterException(
                    spec().commandLine(),
                    "nft is not installed: it is in the package nftables, 'cairn test' installs it");
        }
        if (!FlakyDisk.possible()) {
            print("left out, since nbdkit, nbdfuse or /dev/fuse is missing: disk-error, disk-stall, rot");
        }
    }

    private boolean life(long seed, Path folder, Network network, long until) {
        totals.life();
        SimRandom random = new SimRandom(seed);
        int usual = random.below(3) != 0 ? 3 : 2 + random.below(4);
        int usualVolumes = 1 + random.below(3);
        Schedule.Mix mix =
                eachOnce ? Schedule.Mix.EACH_ONCE : faultNames != null ? Schedule.Mix.ALL : Schedule.Mix.SOME;
        Set<FaultKind> faults = faultsOf(seed);
        // A disk may fail only where two others hold what is on it.
        if (faults.stream().anyMatch(FaultKind::ofDisk)) {
            usual = Math.max(usual, LEAST_NODES_FOR_FAILING_DISK);
        }
        Life.Plan plan = new Life.Plan(
                seed,
                nodes == null ? usual : nodes,
                volumes == null ? usualVolumes : volumes,
                faults,
                mix,
                roundSeconds * 1000L,
                mostWriters,
                Duration.ofSeconds(restSeconds));
        Path own = folder.resolve("life-" + seed);
        try (Life life = new Life(plan, made(own), network, engine(folder), events, totals, this::print)) {
            for (int round = 0; round < ROUNDS_PER_LIFE && (round == 0 || System.nanoTime() < until); round++) {
                life.round();
            }
        } catch (Violation violation) {
            tell(violation, seed, own);
            return false;
        }
        Isolation.delete(own);
        return true;
    }

    /**
     * Faults that may strike a cluster. Of three clusters in a row one has no disk that fails, one has a disk with errors
     * and stalls, and one a disk with rot, too: that may cost the disk for good, and leaves less to be compared at rest.
     */
    private Set<FaultKind> faultsOf(long seed) {
        Set<FaultKind> faults = faults();
        if (!FlakyDisk.possible()) {
            faults.removeIf(FaultKind::ofDisk);
        } else if (faultNames == null && !eachOnce) {
            switch ((int) Math.floorMod(seed, 3L)) {
                case 0 -> faults.removeIf(FaultKind::ofDisk);
                case 1 -> faults.remove(FaultKind.ROT);
                default -> {}
            }
        }
        return faults;
    }

    private EngineCommand engine(Path folder) {
        EngineCommand usual = EngineCommand.ofThisBuild();
        String classPath = usual.classPath();
        if (variant != null) {
            Path classes = folder.resolve("variant");
            try {
                BrokenClasses.write(variant, made(classes));
            } catch (IOException e) {
                throw new UncheckedIOException("the variant " + variant + " cannot be made", e);
            }
            classPath = classes + File.pathSeparator + classPath;
        }
        List<String> options = new ArrayList<>(usual.options());
        options.add(roundSeconds < WARM_SECONDS ? "-XX:TieredStopAtLevel=1" : "-XX:CICompilerCount=2");
        return new EngineCommand(usual.java(), options, classPath, engineClass);
    }

    private static Path made(Path folder) {
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void tell(Violation violation, long seed, Path folder) {
        events.last(STORY_LINES).forEach(this::print);
        print("");
        print("BROKEN in life " + seed + ": " + violation.getMessage());
        try {
            Path story = folder.resolve("events");
            Files.write(story, events.last(Integer.MAX_VALUE));
            print("What happened: " + story + "; logs: " + folder + "/node-*/engine.log; times are since the begin");
        } catch (IOException e) {
            print("The events could not be written: " + e);
        }
        print("The same schedule: campaign --seed " + seed + " --minutes " + minutes + " --round " + roundSeconds
                + (nodes == null ? "" : " --nodes " + nodes)
                + (volumes == null ? "" : " --volumes " + volumes)
                + (variant == null ? "" : " --variant " + variant)
                + (eachOnce ? " --each-once" : "")
                + (mostWriters == MOST_WRITERS ? "" : " --writers " + mostWriters)
                + (faultNames == null ? "" : " --faults " + String.join(",", faultNames)));
    }

    private Set<FaultKind> faults() {
        if (faultNames == null) {
            return EnumSet.allOf(FaultKind.class);
        }
        EnumSet<FaultKind> chosen = EnumSet.noneOf(FaultKind.class);
        for (String name : faultNames) {
            chosen.add(Arrays.stream(FaultKind.values())
                    .filter(kind -> kind.label().equals(name.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new ParameterException(
                            spec().commandLine(), "no fault is named '" + name + "'; there are: " + labels())));
        }
        return chosen;
    }

    private static String labels() {
        List<String> lines = Arrays.stream(FaultKind.values())
                .map(kind -> kind.label() + " (" + kind.meaning() + ")")
                .toList();
        return String.join(", ", lines);
    }

    private CommandSpec spec() {
        if (spec == null) {
            throw new IllegalStateException("not run by picocli");
        }
        return spec;
    }

    private void print(String line) {
        PrintWriter out = spec().commandLine().getOut();
        out.println(line);
        out.flush();
    }
}
