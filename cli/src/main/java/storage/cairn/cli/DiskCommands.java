package storage.cairn.cli;

import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.cluster.ClusterStatus;

/** {@code cairn disk ...}. */
@Command(
        name = "disk",
        description = "Shows the disks of the local cluster.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Example:", "  cairn disk list"})
final class DiskCommands {
    private final Cairn cairn;

    DiskCommands(Cairn cairn) {
        this.cairn = cairn;
    }

    @Command(
            name = "list",
            description = {"Lists the disks of all nodes that answer.", "Exit code 5 when none does."},
            footer = {"", "Examples:", "  cairn disk list", "  cairn disk list -o json | jq '.disks[].usedBytes'"})
    int list() {
        ClusterStatus status = ClusterStatus.ask(cairn.cluster());
        List<Views.DiskView> disks = Views.DiskView.all(status);
        cairn.print(Map.of("disks", disks), () -> StatusCommand.disks(cairn, disks));
        return status.answering() == 0 ? ExitCode.UNREACHABLE.number() : ExitCode.OK.number();
    }
}
