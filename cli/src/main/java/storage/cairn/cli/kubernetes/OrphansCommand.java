package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Table;

/** {@code kubectl cairn volume orphans}: volumes whose data is there and whose resource is not. */
@Command(
        name = "orphans",
        description = {
            "Lists volumes that have replicas and no Volume resource, because that was deleted by force.",
            "Nothing happens to them by itself: 'cairn volume adopt ID' makes the resource again."
        })
final class OrphansCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;

    OrphansCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    static List<VolumeMembership> find(KubernetesClient client) {
        Set<String> known = client.resources(Volume.class).list().getItems().stream()
                .map(volume -> volume.getSpec().id())
                .collect(Collectors.toSet());
        return client.resources(VolumeMembership.class).list().getItems().stream()
                .filter(each -> !each.getSpec().deleted() && !known.contains(Tables.name(each)))
                .toList();
    }

    @Override
    public Integer call() {
        return cairn.with(client -> {
            List<VolumeMembership> orphans = find(client);
            cairn.print(Map.of("orphans", orphans), () -> {
                Table table = new Table("ID", "NAME", "BYTES", "IN SYNC");
                for (VolumeMembership each : orphans) {
                    VolumeMembershipSpec spec = each.getSpec();
                    table.row(
                            Tables.name(each),
                            spec.name(),
                            Long.toString(spec.sizeBytes()),
                            Integer.toString(spec.inSync().size()));
                }
                table.print(cairn.out());
            });
            return ExitCode.OK.number();
        });
    }
}
