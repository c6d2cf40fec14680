package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.Volume;
import storage.cairn.cli.base.ExitCode;

/** {@code kubectl cairn status}. */
@Command(name = "status", description = "Shows the nodes, disks and volumes, and why they are not better.")
final class StatusCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;

    StatusCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        return cairn.with(this::show);
    }

    private int show(KubernetesClient client) {
        List<StorageNode> nodes = client.resources(StorageNode.class).list().getItems();
        List<Disk> disks = client.resources(Disk.class).list().getItems();
        List<Volume> volumes = client.resources(Volume.class).list().getItems();
        cairn.print(Map.of("nodes", nodes, "disks", disks, "volumes", volumes), () -> {
            Tables.nodes(cairn.out(), nodes);
            cairn.out().println();
            Tables.disks(cairn.out(), disks);
            cairn.out().println();
            Tables.volumes(cairn.out(), volumes);
        });
        return ExitCode.OK.number();
    }
}
