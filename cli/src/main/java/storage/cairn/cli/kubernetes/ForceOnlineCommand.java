package storage.cairn.cli.kubernetes;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/** {@code kubectl cairn volume force-online}: goes on with the replicas that are left. */
@Command(
        name = "force-online",
        description = {
            "Goes on with the replicas that are left, when a volume's writes wait because too few in-sync ones can be",
            "reached. With one in-sync replica no acked write is lost, but only that one copy is left. With none of",
            "them, --accept-loss goes on with an older replica: what was written after it fell behind is lost for ever,",
            "also when the others come back. Before that make sure that the other nodes are off: an owner that is cut",
            "off together with the replicas that it needs goes on serving its own host, and acking what is lost, until",
            "it meets the API server or this replica again; nothing here can wait for it or stop it."
        })
final class ForceOnlineCommand implements Callable<Integer> {
    private final KubernetesCairn cairn;

    @Parameters(paramLabel = "NAME", description = "Name of the volume.")
    private String name = "";

    @Option(names = "--accept-loss", description = "Also with a replica that lacks acked writes.")
    private boolean acceptLoss;

    ForceOnlineCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        return cairn.with(client -> {
            var resource = client.resources(Volume.class).withName(name);
            Volume volume = resource.get();
            if (volume == null) {
                throw new Failure(ExitCode.NOT_FOUND, "there is no volume '" + name + "'");
            }
            VolumeStatus status = volume.getStatus();
            if (status == null || status.phase() != VolumeStatus.Phase.UNAVAILABLE) {
                throw new Failure(
                        ExitCode.REFUSED,
                        "volume '" + name + "' is " + (status == null ? "not there yet" : status.phase())
                                + ": there is nothing to force");
            }
            VolumeMembership membership = client.resources(VolumeMembership.class)
                    .withName(volume.getSpec().id())
                    .get();
            if (membership == null) {
                throw new Failure(ExitCode.NOT_FOUND, "volume '" + name + "' has no membership");
            }
            cairn.err().println("As it is: " + status.reason());
            Edit.of(resource, each -> {
                Map<String, String> annotations = new HashMap<>();
                if (each.getMetadata().getAnnotations() != null) {
                    annotations.putAll(each.getMetadata().getAnnotations());
                }
                annotations.put(
                        Api.RECOVER,
                        Api.FORCE_ONLINE_PREFIX
                                + membership.getSpec().epoch()
                                + (acceptLoss ? Api.FORCE_ACCEPT_LOSS : ""));
                each.getMetadata().setAnnotations(annotations);
                return each;
            });
            if (acceptLoss) {
                cairn.err()
                        .println(
                                "If a node that cannot be reached runs, and has an in-sync replica, it may serve the volume to"
                                        + " its own host still, until it meets the API server: turn it off.");
            }
            cairn.err().println("Asked for. 'cairn volume inspect " + name + "' tells what became of it.");
            return ExitCode.OK.number();
        });
    }
}
