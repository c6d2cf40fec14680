package storage.cairn.cli.kubernetes;

import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import storage.cairn.api.resource.Disk;
import storage.cairn.cli.base.ExitCode;

/** {@code kubectl cairn disk ...}. */
@Command(name = "disk", description = "Shows disks.", synopsisSubcommandLabel = "COMMAND")
final class DiskCommands {
    private final KubernetesCairn cairn;

    DiskCommands(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Command(name = "list", description = "Lists all disks that engines see, also those that cannot be taken.")
    int list() {
        return cairn.with(client -> {
            List<Disk> disks = client.resources(Disk.class).list().getItems();
            cairn.print(Map.of("disks", disks), () -> Tables.disks(cairn.out(), disks));
            return ExitCode.OK.number();
        });
    }
}
