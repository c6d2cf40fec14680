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
import storage.cairn.api.resource.Volume;
import storage.cairn.cli.base.ExitCode;
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
        List<Line> lines = Locality.of(pods, claims, bound, volumes);
        cairn.print(Map.of("pods", lines), () -> print(lines));
        return ExitCode.OK.number();
    }

    private void print(List<Line> lines) {
        Table table = new Table("NAMESPACE", "POD", "NODE", "CLAIM", "VOLUME", "LOCAL", "WHY");
        long local = 0;
        long placed = 0;
        for (Line line : lines) {
            table.row(
                    line.namespace(),
                    line.pod(),
                    line.node().isEmpty() ? "-" : line.node(),
                    line.claim(),
                    line.volume(),
                    line.local() ? "yes" : "no",
                    line.why());
            local += line.local() ? 1 : 0;
            placed += line.node().isEmpty() ? 0 : 1;
        }
        table.print(cairn.out());
        cairn.out().println(local + " of " + placed + " are on a node with all of their data.");
    }
}
