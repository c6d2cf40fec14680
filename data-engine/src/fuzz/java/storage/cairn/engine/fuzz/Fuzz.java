package storage.cairn.engine.fuzz;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The command that lets Jazzer look for inputs which break a decoder, one target after the other. */
@Command(
        name = "fuzz",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Runs decoders with inputs that are bred for coverage, and holds each input to its bounds of time"
                + " and memory.",
        footer = {
            "",
            "Examples:",
            "  fuzz --minutes 30                every target, the time shared evenly",
            "  fuzz journal disk --minutes 5    these two",
            "  fuzz --minutes 10 --keep         adds what was learned to the corpora in the sources"
        })
public final class Fuzz implements Callable<Integer> {
    private static final int MOST_KEPT = 40;
    private static final int LONGEST_KEPT = 6_000;
    private static final int MOST_KEPT_BYTES = 32_000;
    private static final int MOST_MINUTES = 100_000;

    @Parameters(arity = "0..*", paramLabel = "TARGET", description = "What to run (default: all; --list names them).")
    private List<String> targets = List.of();

    @Option(names = "--minutes", defaultValue = "5", description = "For all of them (default ${DEFAULT-VALUE}).")
    private double minutes;

    @Option(names = "--list", description = "Names the targets.")
    private boolean list;

    @Option(names = "--keep", description = "Adds the smallest inputs that cover what was reached to the corpora.")
    private boolean keep;

    @Option(
            names = "--work",
            defaultValue = "target/fuzz",
            description = "Folder of the runs (default ${DEFAULT-VALUE}).")
    private Path work = Path.of("target/fuzz");

    /** Runs the command; exit code 0: nothing was found, 1: something was, 2: bad arguments. */
    public static void main(String[] arguments) {
        System.exit(
                new CommandLine(new Fuzz()).setOverwrittenOptionsAllowed(true).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (list) {
            FuzzTargets.names().forEach(Fuzz::print);
            return 0;
        }
        List<String> chosen = targets.isEmpty() ? FuzzTargets.names() : targets;
        if (!FuzzTargets.names().containsAll(chosen)) {
            print("fuzz: targets are " + String.join(", ", FuzzTargets.names()));
            return 2;
        }
        if (!(minutes > 0 && minutes <= MOST_MINUTES)) {
            print("fuzz: --minutes: " + minutes + " is no time to go on for; give more than 0 and at most "
                    + MOST_MINUTES);
            return 2;
        }
        long seconds = Math.max(1, Math.round(minutes * 60 / chosen.size()));
        List<JazzerRun.Outcome> outcomes = new ArrayList<>();
        print(String.format(
                Locale.ROOT,
                "%-16s %12s %9s %11s %7s %7s %9s",
                "target",
                "executions",
                "per s",
                "seed edges",
                "edges",
                "inputs",
                "findings"));
        for (String name : chosen) {
            JazzerRun.Outcome outcome = run(name, seconds);
            outcomes.add(outcome);
            print(String.format(
                    Locale.ROOT,
                    "%-16s %,12d %,9d %11d %7d %7d %9d",
                    name,
                    outcome.executions(),
                    outcome.executions() / seconds,
                    outcome.seedEdges(),
                    outcome.edges(),
                    outcome.newInputs(),
                    outcome.findings().size()));
        }
        outcomes.forEach(Fuzz::tell);
        return outcomes.stream().allMatch(outcome -> outcome.findings().isEmpty()) ? 0 : 1;
    }

    private JazzerRun.Outcome run(String name, long seconds) throws Exception {
        JazzerRun run =
                new JazzerRun(name, Files.createDirectories(work.resolve(name)).toAbsolutePath());
        List<byte[]> seeds = new ArrayList<>();
        try (FuzzTarget target = FuzzTargets.named(name)) {
            seeds.addAll(target.seeds());
        }
        seeds.addAll(Corpus.load(name));
        run.seed(seeds);
        JazzerRun.Outcome outcome = run.explore(seconds);
        if (keep) {
            Corpus.replaceExplored(name, run.smallest(MOST_KEPT, LONGEST_KEPT, MOST_KEPT_BYTES));
        }
        return outcome;
    }

    private static void tell(JazzerRun.Outcome outcome) {
        for (JazzerRun.Finding finding : outcome.findings()) {
            print("");
            print("Target " + outcome.target() + ": " + finding.what());
            print("  input " + finding.base64());
            print("  put it, below a line '# what it is about', into src/fuzz/corpus/" + outcome.target()
                    + ".txt; the log is " + outcome.log());
        }
        if (outcome.broken() != null) {
            print("");
            print("Target " + outcome.target() + " did not run: " + outcome.broken() + " (see " + outcome.log() + ")");
        }
    }

    private static void print(@Nullable String line) {
        System.out.println(line);
    }
}
