package storage.cairn.cli.cluster;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/** What all nodes of a local cluster say at one moment, put together. */
public record ClusterStatus(List<Node> nodes) {
    public ClusterStatus {
        nodes = List.copyOf(nodes);
    }

    /**
     * @param pid of the engine; 0 when it does not run
     * @param status what it answered, or null
     * @param problem why there is no answer, empty otherwise
     */
    public record Node(
            ClusterFile.Node place, long pid, @Nullable NodeStatus status, String problem) {
        public int node() {
            return place.node();
        }

        public boolean answers() {
            return status != null;
        }
    }

    /** Asks every engine that runs, all at once. */
    public static ClusterStatus ask(LocalCluster cluster) {
        List<Future<Node>> answers = new ArrayList<>();
        try (ExecutorService each = ControlClient.callers()) {
            for (ClusterFile.Node node : cluster.nodes()) {
                answers.add(each.submit(() -> ask(node, cluster.pid(node.node()))));
            }
        }
        List<Node> nodes = new ArrayList<>();
        for (Future<Node> answer : answers) {
            try {
                nodes.add(answer.get());
            } catch (ExecutionException e) {
                throw new IllegalStateException("a node could not be asked", e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Failure(ExitCode.FAILED, "interrupted", e);
            }
        }
        return new ClusterStatus(nodes);
    }

    private static Node ask(ClusterFile.Node node, long pid) {
        if (pid == 0) {
            return new Node(node, 0, null, "does not run");
        }
        try (ControlClient client = ControlClient.connect(node)) {
            return new Node(node, pid, client.status(), "");
        } catch (Failure e) {
            return new Node(node, pid, null, e.getMessage());
        }
    }

    public long answering() {
        return nodes.stream().filter(Node::answers).count();
    }

    /** Every volume once, by name: as its owner sees it, else as the node with the newest epoch does. */
    public List<Volume> volumes() {
        Map<String, Volume> best = new HashMap<>();
        for (Node node : nodes) {
            if (node.status() == null) {
                continue;
            }
            for (Volume volume : node.status().getVolumesList()) {
                best.merge(volume.getId(), volume, ClusterStatus::better);
            }
        }
        return best.values().stream()
                .sorted(Comparator.comparing(Volume::getName).thenComparing(Volume::getId))
                .toList();
    }

    public Optional<Volume> volume(String name) {
        return volumes().stream()
                .filter(volume -> volume.getName().equals(name))
                .findFirst();
    }

    private static Volume better(Volume one, Volume other) {
        if (one.getEpoch() != other.getEpoch()) {
            return one.getEpoch() > other.getEpoch() ? one : other;
        }
        return other.hasActivity() ? other : one;
    }
}
