package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StorageNodeStatus;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/** {@code kubectl cairn node ...}. */
@Command(name = "node", description = "Empties nodes.", synopsisSubcommandLabel = "COMMAND")
final class NodeCommands {
    private static final long LOOK_SECONDS = 2;

    private final KubernetesCairn cairn;

    NodeCommands(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Command(
            name = "evacuate",
            description = {
                "Moves all replicas of a node to other nodes, so that it can be taken away.",
                "With --cancel those that are still there stay."
            })
    int evacuate(
            @Parameters(paramLabel = "NODE", description = "Name of the node.") String node,
            @Option(names = "--cancel", description = "Ends the evacuation.") boolean cancel,
            @Option(names = "--wait", description = "Tells how far it is until it is done.") boolean wait) {
        return cairn.with(client -> {
            Resource<StorageNode> resource = client.resources(StorageNode.class).withName(node);
            if (resource.get() == null) {
                throw new Failure(ExitCode.NOT_FOUND, "there is no StorageNode '" + node + "'");
            }
            Edit.of(resource, each -> {
                StorageNodeSpec spec = each.getSpec();
                each.setSpec(new StorageNodeSpec(spec.number(), spec.schedulable(), !cancel, spec.maintenance()));
                return each;
            });
            if (cancel || !wait) {
                cairn.err()
                        .println(
                                cancel
                                        ? "Node " + node + " keeps what it still has."
                                        : "Node " + node + " is being evacuated: 'cairn status' tells how far it is.");
                return ExitCode.OK.number();
            }
            return await(client, node);
        });
    }

    private int await(KubernetesClient client, String node) {
        String told = "";
        try {
            while (true) {
                StorageNode now =
                        client.resources(StorageNode.class).withName(node).get();
                Condition condition = now == null ? null : evacuated(now.getStatus());
                String words = condition == null ? "waiting for the replica manager" : condition.getMessage();
                if (!words.equals(told)) {
                    told = words;
                    cairn.err().println("Node " + node + ": " + words);
                    cairn.err().flush();
                }
                if (condition != null && "True".equals(condition.getStatus())) {
                    return ExitCode.OK.number();
                }
                TimeUnit.SECONDS.sleep(LOOK_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Failure(ExitCode.FAILED, "interrupted; the evacuation goes on", e);
        }
    }

    private static @Nullable Condition evacuated(@Nullable StorageNodeStatus status) {
        List<Condition> conditions = status == null ? null : status.conditions();
        if (conditions != null) {
            for (Condition condition : conditions) {
                if ("Evacuated".equals(condition.getType())) {
                    return condition;
                }
            }
        }
        return null;
    }
}
