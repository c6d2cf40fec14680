package storage.cairn.engine.variants;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command that breaks the code in every known way and tells how soon the simulator noticed. */
@Command(
        name = "variants",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Breaks the code on purpose, one rule at a time, and runs the simulator until it notices. "
                + "Exit code 1: something broken was not noticed.",
        footer = {
            "",
            "Examples:",
            "  simulate variants                        all of them",
            "  simulate variants --list                 what they break",
            "  simulate variants ack-before-cas --seeds 100000 --seconds 3600"
        })
public final class VariantsCommand implements Callable<Integer> {
    @Parameters(arity = "0..*", paramLabel = "NAME", description = "Which ones (default: all).")
    private List<String> names = new ArrayList<>();

    @Option(names = "--seeds", defaultValue = "20000", description = "At most, each (default ${DEFAULT-VALUE}).")
    private long seeds;

    @Option(names = "--seconds", defaultValue = "120", description = "At most, each (default ${DEFAULT-VALUE}).")
    private double seconds;

    @Option(names = "--list", description = "Only tells what they are.")
    private boolean list;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException, ReflectiveOperationException {
        if (seeds < 1 || !(seconds > 0)) {
            throw new ParameterException(
                    commandSpec().commandLine(), "give each 1 seed or more (--seeds), and some time (--seconds)");
        }
        List<Variant> chosen = chosen();
        int survived = 0;
        for (Variant variant : chosen) {
            if (list) {
                print("%-34s %-4s %s".formatted(variant.name(), variant.invariant(), variant.rule()));
                continue;
            }
            Search.Outcome outcome = new Search(variant).run(seeds, seconds);
            survived += outcome.caught() ? 0 : 1;
            print(String.format(
                    Locale.ROOT,
                    "%-34s %-4s %6d seeds %7.1f s  %s",
                    variant.name(),
                    variant.invariant(),
                    outcome.seeds(),
                    outcome.seconds(),
                    outcome.caught() ? brief(outcome.by()) : "SURVIVED"));
            if (!outcome.failures().isEmpty()) {
                print("    fails with the code as it is, too: seeds " + outcome.failures());
            }
        }
        if (!list) {
            print(chosen.size() - survived + " of " + chosen.size() + " caught");
        }
        return survived == 0 ? 0 : 1;
    }

    private List<Variant> chosen() throws IOException {
        List<Variant> all = Variant.all(Search.variants());
        for (String name : names) {
            if (all.stream().noneMatch(variant -> variant.name().equals(name))) {
                throw new ParameterException(
                        commandSpec().commandLine(), "no variant is named '" + name + "'; --list tells them all");
            }
        }
        return all.stream()
                .filter(variant -> names.isEmpty() || names.contains(variant.name()))
                .toList();
    }

    private static String brief(@Nullable String text) {
        String line = String.valueOf(text).lines().findFirst().orElse("");
        return line.length() > 100 ? line.substring(0, 97) + "..." : line;
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
}
