package storage.cairn.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Json;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.cli.cluster.LocalCluster;
import storage.cairn.cli.kubernetes.KubernetesCairn;
import storage.cairn.client.attach.AttachException;

/** The {@code cairn} command: its common options, its subcommands, and what becomes of their failures. */
@Command(
        name = "cairn",
        description = "Replicated block storage: a local cluster, its volumes, and a demonstration.",
        sortOptions = false,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "With --kubeconfig FILE, or called as 'kubectl cairn', it is about Cairn on Kubernetes instead:",
            "  see 'cairn --kubeconfig FILE --help'.",
            "",
            "More commands, which the launcher in the source tree runs:",
            "  test       Everything that proves Cairn on this machine.",
            "  simulate   Replays or searches failures in the seeded simulator.",
            "  campaign   Real engines under real faults, every history checked.",
            "  fuzz       Breeds inputs that break a decoder of a network or a disk.",
            "  bench      A volume beside what the drive gives for the same promise.",
            "",
            "Examples:",
            "  cairn demo",
            "  cairn up && cairn volume create data --size 10GiB && cairn volume serve data",
            "  cairn volume attach data        # a block device, as root",
            "",
        })
public final class Cairn {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--data-dir",
            paramLabel = "DIR",
            scope = ScopeType.INHERIT,
            description = "Folder of the local cluster. Default: $CAIRN_DATA_DIR, else ~/.cairn")
    private @Nullable Path dataDir;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "table|json",
            scope = ScopeType.INHERIT,
            description = "How to print: a table for people, json with exact numbers for scripts. Default: table")
    private Format format = Format.table;

    /** Named as they are written. */
    enum Format {
        table,
        json
    }

    private final EngineCommand engine;

    Cairn(EngineCommand engine) {
        this.engine = engine;
    }

    public static void main(String[] args) {
        System.exit(
                KubernetesCairn.isMeant(args)
                        ? KubernetesCairn.commandLine(Version.current()).execute(args)
                        : commandLine(EngineCommand.ofThisBuild()).execute(args));
    }

    static CommandLine commandLine(EngineCommand engine) {
        Cairn cairn = new Cairn(engine);
        CommandLine line = new CommandLine(cairn);
        line.getCommandSpec()
                .addOption(OptionSpec.builder("-h", "--help")
                        .usageHelp(true)
                        .scopeType(ScopeType.INHERIT)
                        .description("Explains this command.")
                        .build())
                .addOption(OptionSpec.builder("-V", "--version")
                        .versionHelp(true)
                        .description("Prints the version.")
                        .build());
        line.addSubcommand(new DemoCommand(cairn))
                .addSubcommand(new UpCommand(cairn))
                .addSubcommand(new DownCommand(cairn))
                .addSubcommand(new StatusCommand(cairn))
                .addSubcommand(new VolumeCommands(cairn))
                .addSubcommand(new DiskCommands(cairn))
                .addSubcommand(new NodeCommands(cairn))
                .addSubcommand(new VersionCommand(cairn));
        line.registerConverter(Size.class, Cairn::size);
        line.setParameterExceptionHandler((error, arguments) -> misused(error));
        line.setExecutionExceptionHandler((error, failed, parsed) -> report(error, failed.getErr()));
        eachCommand(line, Cairn::explainExitCodes);
        return line;
    }

    private static void eachCommand(CommandLine line, Consumer<CommandLine> action) {
        action.accept(line);
        line.getSubcommands().values().forEach(subcommand -> eachCommand(subcommand, action));
    }

    private static void explainExitCodes(CommandLine line) {
        List<String> lines = new ArrayList<>();
        for (ExitCode code : ExitCode.values()) {
            lines.add(" " + code.number() + ":" + code.meaning());
        }
        line.getCommandSpec()
                .usageMessage()
                .abbreviateSynopsis(true)
                .exitCodeListHeading("%nExit codes:%n")
                .exitCodeList(CommandLine.Model.UsageMessageSpec.keyValuesMap(lines.toArray(String[]::new)));
    }

    private static Size size(String text) {
        try {
            return new Size(Sizes.parse(text));
        } catch (IllegalArgumentException e) {
            throw new CommandLine.TypeConversionException(e.getMessage());
        }
    }

    /** Says what is wrong and where to read more, rather than all of that. */
    private static int misused(CommandLine.ParameterException error) {
        CommandLine where = error.getCommandLine();
        PrintWriter err = where.getErr();
        err.println("cairn: " + error.getMessage());
        CommandLine.UnmatchedArgumentException.printSuggestions(error, err);
        err.println("See '" + where.getCommandSpec().qualifiedName() + " --help'.");
        return ExitCode.USAGE.number();
    }

    private static int report(Exception error, PrintWriter err) {
        if (error instanceof Failure failure) {
            err.println("cairn: " + failure.getMessage());
            return failure.code().number();
        }
        if (error instanceof AttachException failed) {
            err.println("cairn: " + failed.getMessage());
            return exitCode(failed.reason()).number();
        }
        if (error instanceof UncheckedIOException failed && failed.getCause() != null) {
            err.println("cairn: " + failed.getMessage() + " (" + failed.getCause() + ")");
            return ExitCode.FAILED.number();
        }
        err.println("cairn: unexpected: " + error);
        error.printStackTrace(err);
        return ExitCode.FAILED.number();
    }

    private static ExitCode exitCode(AttachException.Reason reason) {
        return switch (reason) {
            case FAILED -> ExitCode.FAILED;
            case REFUSED -> ExitCode.REFUSED;
            case NOT_FOUND -> ExitCode.NOT_FOUND;
            case INVALID -> ExitCode.USAGE;
        };
    }

    /** Where the local cluster lies. */
    Path dataDir() {
        if (dataDir != null) {
            return dataDir;
        }
        String fromEnvironment = System.getenv("CAIRN_DATA_DIR");
        return fromEnvironment != null && !fromEnvironment.isBlank()
                ? Path.of(fromEnvironment)
                : Path.of(System.getProperty("user.home"), ".cairn");
    }

    /** The folder named on the command line, if one was. */
    @Nullable
    Path givenDataDir() {
        return dataDir;
    }

    LocalCluster cluster() {
        return LocalCluster.open(dataDir(), engine);
    }

    EngineCommand engine() {
        return engine;
    }

    /** How this command was called, for hints that can be pasted. */
    String command() {
        return System.getProperty("cairn.command", "cairn");
    }

    PrintWriter out() {
        return line().getOut();
    }

    PrintWriter err() {
        return line().getErr();
    }

    boolean json() {
        return format == Format.json;
    }

    /** Prints {@code value} if JSON was asked for, otherwise what {@code table} prints. */
    void print(Object value, Runnable table) {
        if (json()) {
            out().println(Json.text(value));
        } else {
            table.run();
        }
    }

    /** Says in a sentence what was done, for people, and what state a thing is in now, for scripts that ask for it. */
    void done(String kind, Object thing, String state, String sentence) {
        err().println(sentence);
        Map<String, Object> now = new LinkedHashMap<>();
        now.put(kind, thing);
        now.put("state", state);
        print(now, () -> {});
    }

    private CommandLine line() {
        if (spec == null) {
            throw new IllegalStateException("not set up by picocli");
        }
        return spec.commandLine();
    }
}
