package storage.cairn.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.api.v1alpha1.ReplaceDiskRequest;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterStatus;

/** {@code cairn disk ...}. */
@Command(
        name = "disk",
        description = "Shows the disks of the local cluster, and replaces lost ones.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Example:", "  cairn disk list"})
final class DiskCommands {
    private static final int SECONDS = 60;

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

    @Command(
            name = "replace",
            description = {
                "Gives every volume with a replica on a lost disk another disk for it, where it is rebuilt.",
                "For a disk that will not come back: one that only was away is brought up to date by itself, and one"
                        + " that is served is not replaced. 'cairn status' shows how far the rebuild is."
            },
            sortOptions = false,
            footer = {
                "",
                "Examples:",
                "  cairn disk replace 63e89957-261b-44ff-a06c-a9451fc0217e",
                "  cairn disk replace 63e89957-261b-44ff-a06c-a9451fc0217e --volume data",
            })
    int replace(
            @Parameters(paramLabel = "DISK", description = "Id of the lost disk, as 'cairn status' tells it.")
                    String lost,
            @Option(
                            names = "--with",
                            paramLabel = "DISK",
                            description = "Id of the new one. Default: the one with the most free space on a node"
                                    + " without another replica of the volume")
                    @Nullable
                    String fresh,
            @Option(names = "--volume", paramLabel = "NAME", description = "Only for this volume. Default: for all")
                    @Nullable
                    String only) {
        Requests requests = new Requests(cairn);
        List<Volume> affected = ClusterStatus.ask(requests.cluster()).volumes().stream()
                .filter(volume -> only == null || volume.getName().equals(only))
                .filter(volume -> volume.getReplicasList().stream()
                        .anyMatch(replica -> replica.getDisk().equals(lost)))
                .toList();
        if (affected.isEmpty()) {
            throw new Failure(
                    ExitCode.NOT_FOUND,
                    (only == null ? "No volume has" : "There is no volume " + only + " with") + " a replica on disk '"
                            + lost + "': 'cairn volume list -o json' tells which disks the volumes are on");
        }
        List<Volume> replaced = new ArrayList<>();
        int code = ExitCode.OK.number();
        for (Volume volume : affected) {
            ReplaceDiskRequest request = ReplaceDiskRequest.newBuilder()
                    .setName(volume.getName())
                    .setLostDisk(lost)
                    .setNewDisk(fresh == null ? "" : fresh)
                    .build();
            try {
                replaced.add(requests.owner(volume.getName(), SECONDS, stub -> stub.replaceDisk(request)));
            } catch (Failure e) {
                cairn.err().println("cairn: " + e.getMessage());
                code = e.code().number();
            }
        }
        cairn.print(
                Map.of("volumes", StatusCommand.volumeViews(requests.cluster(), replaced)),
                () -> StatusCommand.volumes(cairn, requests.cluster(), replaced));
        return code;
    }
}
