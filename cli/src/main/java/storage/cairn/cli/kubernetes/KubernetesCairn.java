package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Json;

/** The command with {@code --kubeconfig}, or called as {@code kubectl cairn}: common options and subcommands. */
@Command(
        name = "cairn",
        description = "Replicated block storage on Kubernetes: its nodes, disks and volumes.",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  kubectl cairn status",
            "  kubectl cairn volume create data --size 10Gi --pool fast",
            "  cairn --kubeconfig ~/.kube/config volume inspect data",
        })
public final class KubernetesCairn {
    private static final String OPTION = "--kubeconfig";

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = OPTION,
            paramLabel = "FILE",
            scope = ScopeType.INHERIT,
            description = "How to reach the API server. Default: $KUBECONFIG, else ~/.kube/config")
    private @Nullable Path kubeconfig;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "table|json",
            scope = ScopeType.INHERIT,
            description = "How to print: a table for people, json for scripts. Default: table")
    private Format format = Format.table;

    /** Named as they are written. */
    enum Format {
        table,
        json
    }

    private KubernetesCairn() {}

    /** Whether a call is for Kubernetes and not for the local cluster. */
    public static boolean isMeant(String... arguments) {
        return Boolean.getBoolean("cairn.kubectl")
                || Arrays.stream(arguments).anyMatch(each -> each.equals(OPTION) || each.startsWith(OPTION + "="));
    }

    /**
     * @param version of this build
     */
    public static CommandLine commandLine(String version) {
        KubernetesCairn cairn = new KubernetesCairn();
        CommandLine line = new CommandLine(cairn);
        line.getCommandSpec().version("cairn " + version);
        line.addSubcommand(new StatusCommand(cairn))
                .addSubcommand(new CommandLine(new VolumeCommands(cairn))
                        .addSubcommand(new OrphansCommand(cairn))
                        .addSubcommand(new AdoptCommand(cairn))
                        .addSubcommand(new ForceOnlineCommand(cairn)))
                .addSubcommand(new DiskCommands(cairn))
                .addSubcommand(new NodeCommands(cairn))
                .addSubcommand(new LocalityCommand(cairn))
                .addSubcommand(new RecoverCommand(cairn))
                .addSubcommand(new CheckCommand(cairn))
                .addSubcommand(new SupportBundleCommand(cairn))
                .addSubcommand(new VersionCommand(cairn, version));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((error, failed, parsed) -> report(error, failed.getErr()));
        return line;
    }

    private static int report(Exception error, PrintWriter err) {
        if (error instanceof Failure failure) {
            err.println("cairn: " + failure.getMessage());
            return failure.code().number();
        }
        if (error instanceof KubernetesClientException failed) {
            String status = failed.getStatus() == null
                    ? failed.getMessage()
                    : failed.getStatus().getMessage();
            err.println("cairn: the API server refused: " + status);
            return switch (failed.getCode()) {
                case 404 -> ExitCode.NOT_FOUND.number();
                case 0 -> ExitCode.UNREACHABLE.number();
                default -> ExitCode.REFUSED.number();
            };
        }
        err.println("cairn: unexpected: " + error);
        error.printStackTrace(err);
        return ExitCode.FAILED.number();
    }

    /** Does something with a client, and closes it. */
    <T> T with(Function<KubernetesClient, T> work) {
        try (KubernetesClient client =
                new KubernetesClientBuilder().withConfig(config()).build()) {
            return work.apply(client);
        } catch (KubernetesClientException e) {
            if (e.getCode() == 0 && e.getCause() instanceof IOException) {
                throw new Failure(
                        ExitCode.UNREACHABLE,
                        "the API server does not answer: " + e.getCause().getMessage(),
                        e);
            }
            throw e;
        }
    }

    private Config config() {
        if (kubeconfig == null) {
            return Config.autoConfigure(null);
        }
        if (!Files.isReadable(kubeconfig)) {
            throw new Failure(ExitCode.USAGE, "kubeconfig " + kubeconfig + " cannot be read");
        }
        return Config.fromKubeconfig(kubeconfig.toFile());
    }

    PrintWriter out() {
        return line().getOut();
    }

    PrintWriter err() {
        return line().getErr();
    }

    /** Prints {@code value} if JSON was asked for, otherwise what {@code table} prints. */
    void print(Object value, Runnable table) {
        if (format == Format.json) {
            out().println(Json.text(value));
        } else {
            table.run();
        }
    }

    private CommandLine line() {
        if (spec == null) {
            throw new IllegalStateException("not set up by picocli");
        }
        return spec.commandLine();
    }
}
