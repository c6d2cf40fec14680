package storage.cairn.cli.kubernetes;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/** {@code kubectl cairn recover}: brings a volume back after its configuration store was restored from a backup. */
@Command(
        name = "recover",
        description = {
            "Brings a volume back that says StoreRolledBack: the API server's data was restored from a backup, and the",
            "volume's replicas hold a later configuration. The replica manager goes on from the newest of them."
        })
final class RecoverCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;

    @Parameters(paramLabel = "NAME", description = "Name of the volume.")
    private String name = "";

    @Option(
            names = "--from-disks",
            required = true,
            description = "Go on from what the disks of the volume hold; there is no other source.")
    private boolean fromDisks;

    @Option(
            names = "--accept-loss",
            description = "Also when in-sync replicas cannot be reached: what only they hold is lost.")
    private boolean acceptLoss;

    RecoverCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        if (!fromDisks) {
            throw new Failure(ExitCode.USAGE, "there is nothing else to recover from: give --from-disks");
        }
        return cairn.with(client -> {
            var resource = client.resources(Volume.class).withName(name);
            if (resource.get() == null) {
                throw new Failure(ExitCode.NOT_FOUND, "there is no volume '" + name + "'");
            }
            Edit.of(resource, volume -> {
                Map<String, String> annotations = new HashMap<>();
                if (volume.getMetadata().getAnnotations() != null) {
                    annotations.putAll(volume.getMetadata().getAnnotations());
                }
                annotations.put(Api.RECOVER, acceptLoss ? Api.RECOVER_ACCEPT_LOSS : Api.RECOVER_FROM_DISKS);
                volume.getMetadata().setAnnotations(annotations);
                return volume;
            });
            cairn.err().println("Asked for. 'cairn volume inspect " + name + "' tells what became of it.");
            return ExitCode.OK.number();
        });
    }
}
