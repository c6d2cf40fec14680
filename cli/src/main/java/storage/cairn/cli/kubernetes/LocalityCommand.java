package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.base.Table;
import storage.cairn.cli.kubernetes.Locality.Line;

/** {@code kubectl cairn locality}. */
@Command(name = "locality", description = "Shows for each pod with volumes of Cairn whether its data is on its node.")
final class LocalityCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;

    @Option(
            names = {"-n", "--namespace"},
            paramLabel = "NAMESPACE",
            description = "Pods of this namespace alone. Default: all")
    private @Nullable String namespace;

    LocalityCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        return cairn.with(this::show);
    }

    private int show(KubernetesClient client) {
        List<Pod> pods = namespace == null
                ? client.pods().inAnyNamespace().list().getItems()
                : client.pods().inNamespace(namespace).list().getItems();
        List<PersistentVolumeClaim> claims = namespace == null
                ? client.persistentVolumeClaims().inAnyNamespace().list().getItems()
                : client.persistentVolumeClaims().inNamespace(namespace).list().getItems();
        List<PersistentVolume> bound = client.persistentVolumes().list().getItems();
        List<Volume> volumes = client.resources(Volume.class).list().getItems();
        List<Line> lines = Locality.of(
                pods,
                claims,
                bound,
                volumes,
                client.resources(StorageNode.class).list().getItems());
        cairn.print(Map.of("pods", lines), () -> print(lines));
        return ExitCode.OK.number();
    }

    private static String remotely(Line line) {
        Long read = line.readBytes();
        Long remote = line.remoteReadBytes();
        return read == null || remote == null ? "-" : Sizes.format(remote) + " of " + Sizes.format(read);
    }

    private void print(List<Line> lines) {
        Table table = new Table("NAMESPACE", "POD", "NODE", "CLAIM", "VOLUME", "LOCAL", "READ REMOTELY", "WHY");
        long local = 0;
        long placed = 0;
        long read = 0;
        long remote = 0;
        for (Line line : lines) {
            table.row(
                    line.namespace(),
                    line.pod(),
                    line.node().isEmpty() ? "-" : line.node(),
                    line.claim(),
                    line.volume(),
                    line.local() ? "yes" : "no",
                    remotely(line),
                    line.why());
            local += line.local() ? 1 : 0;
            placed += line.node().isEmpty() ? 0 : 1;
            read += line.readBytes() == null ? 0 : line.readBytes();
            remote += line.remoteReadBytes() == null ? 0 : line.remoteReadBytes();
        }
        table.print(cairn.out());
        cairn.out()
                .println(local + " of " + placed + " are on a node with all of their data; " + Sizes.format(remote)
                        + " of " + Sizes.format(read) + " were read from other nodes.");
    }
}
