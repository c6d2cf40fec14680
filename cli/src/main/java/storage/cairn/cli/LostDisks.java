package storage.cairn.cli;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.cluster.ClusterStatus;

/** Finds the disks that volumes have replicas on and that no engine serves, and says what to do about each. */
final class LostDisks {
    private LostDisks() {}

    /**
     * @param node where it was seen last, 0 when no engine knows
     * @param silent nodes whose engines do not answer: it may be there
     * @param reason why its node does not serve it, empty when that is not known
     */
    record Lost(String disk, int node, List<String> volumes, List<Integer> silent, String reason) {
        String advice() {
            StringBuilder text = new StringBuilder("Disk ").append(disk);
            if (node != 0) {
                text.append(" of node ").append(node);
            }
            text.append(", with replicas of ")
                    .append(String.join(", ", volumes))
                    .append(", ");
            if (!reason.isEmpty()) {
                text.append("failed: ").append(reason).append(".");
            } else if (silent.contains(node)) {
                text.append("is away with its node: 'cairn node start ")
                        .append(node)
                        .append("'.");
            } else if (node == 0 && !silent.isEmpty()) {
                text.append("is on no node that answers; it may be on node ")
                        .append(String.join(
                                " or ", silent.stream().map(String::valueOf).toList()))
                        .append(": 'cairn up'.");
            } else {
                text.append("is on no node: bring it back.");
            }
            return text.append(" If it is lost for good: 'cairn disk replace ")
                    .append(disk)
                    .append("'")
                    .toString();
        }
    }

    static List<Lost> find(ClusterStatus status) {
        Set<String> served = new HashSet<>();
        Map<String, String> failed = new TreeMap<>();
        List<Integer> silent = new ArrayList<>();
        for (ClusterStatus.Node node : status.nodes()) {
            NodeStatus told = node.status();
            if (told == null) {
                silent.add(node.node());
                continue;
            }
            for (Disk disk : told.getDisksList()) {
                if (disk.getNode() == node.node() && disk.getReason().isEmpty()) {
                    served.add(disk.getId());
                } else if (disk.getNode() == node.node()) {
                    failed.put(disk.getId(), disk.getReason());
                }
            }
        }
        Map<String, Lost> lost = new TreeMap<>();
        for (Volume volume : status.volumes()) {
            for (Replica replica : volume.getReplicasList()) {
                String disk = replica.getDisk();
                if (!served.contains(disk)) {
                    lost.computeIfAbsent(
                                    disk,
                                    _ -> new Lost(
                                            disk,
                                            replica.getNode(),
                                            new ArrayList<>(),
                                            silent,
                                            failed.getOrDefault(disk, "")))
                            .volumes()
                            .add(volume.getName());
                }
            }
        }
        return List.copyOf(lost.values());
    }
}
