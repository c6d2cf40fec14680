package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;

/** {@code kubectl cairn volume adopt}: makes the Volume resource of an orphan again. */
@Command(
        name = "adopt",
        description =
                "Makes the resource of an orphan again, as its replicas say that it was; its data stays as it is.")
final class AdoptCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;

    @Parameters(paramLabel = "ID", description = "The volume's id, as 'cairn volume orphans' tells it.")
    private String id = "";

    AdoptCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        return cairn.with(client -> {
            VolumeMembershipSpec orphan = OrphansCommand.find(client).stream()
                    .filter(each -> Tables.name(each).equals(id))
                    .findFirst()
                    .map(VolumeMembership::getSpec)
                    .orElseThrow(() -> new Failure(
                            ExitCode.NOT_FOUND, "there is no orphan '" + id + "'; see 'cairn volume orphans'"));
            int replicas = orphan.inSync().size()
                    + orphan.syncing().size()
                    + orphan.outOfSync().size();
            Volume volume = new Volume();
            volume.setMetadata(new ObjectMetaBuilder().withName(orphan.name()).build());
            volume.setSpec(new VolumeSpec(
                    id,
                    new Quantity(Sizes.exact(orphan.sizeBytes())),
                    pool(client, orphan),
                    replicas,
                    orphan.minInSync(),
                    null,
                    null,
                    null,
                    null,
                    null,
                    null));
            client.resource(volume).create();
            cairn.err().println("Volume " + orphan.name() + " is there again.");
            return ExitCode.OK.number();
        });
    }

    private static String pool(KubernetesClient client, VolumeMembershipSpec orphan) {
        for (String id : orphan.inSync()) {
            Disk disk = client.resources(Disk.class).withName(id).get();
            String pool = disk == null || disk.getSpec() == null
                    ? null
                    : disk.getSpec().pool();
            if (pool != null) {
                return pool;
            }
        }
        throw new Failure(
                ExitCode.REFUSED,
                "none of its disks " + orphan.inSync() + " is known and in a pool: wait until an engine found one");
    }
}
