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
import storage.cairn.cli.cluster.LocalCluster;

/** Finds the disks that volumes have replicas on and that no engine serves, and says what to do about each. */
final class LostDisks {
    private LostDisks() {}

    /**
     * @param node where it was seen last, 0 when no engine knows
     * @param silent nodes whose engines do not answer: it may be there
     * @param reason why its node does not serve it, empty when that is not known
     * @param unreadable failed disks of which nobody can tell which they are
     */
    record Lost(
            String disk, int node, List<String> volumes, List<Integer> silent, String reason, List<Disk> unreadable) {
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
                for (Disk failed : unreadable) {
                    if (node == 0 || node == failed.getNode()) {
                        text.append(" The failed disk of node ")
                                .append(failed.getNode())
                                .append(" may be it: mend that, or have an empty one made: 'cairn node stop ")
                                .append(failed.getNode())
                                .append("', remove ")
                                .append(failed.getPath())
                                .append(", 'cairn node start ")
                                .append(failed.getNode())
                                .append("'.");
                    }
                }
            }
            return text.append(" If it is lost for good: 'cairn disk replace ")
                    .append(disk)
                    .append("'")
                    .toString();
        }
    }

    /**
     * Says on the error stream which disks are there and cannot be used: the engines run, but not all of the cluster.
     *
     * @param node whose disks; 0: of all nodes
     * @return whether there are such
     */
    static boolean tellFailed(Cairn cairn, LocalCluster cluster, int node) {
        List<Views.DiskView> failed = Views.DiskView.all(ClusterStatus.ask(cluster)).stream()
                .filter(disk -> disk.state().equals("Failed") && (node == 0 || disk.node() == node))
                .toList();
        failed.forEach(
                disk -> cairn.err().println("cairn: the disk of node " + disk.node() + " failed: " + disk.reason()));
        return !failed.isEmpty();
    }

    static List<Lost> find(ClusterStatus status) {
        Set<String> served = new HashSet<>();
        Map<String, String> failed = new TreeMap<>();
        List<Integer> silent = new ArrayList<>();
        List<Disk> unreadable = new ArrayList<>();
        for (ClusterStatus.Node node : status.nodes()) {
            NodeStatus told = node.status();
            if (told == null) {
                silent.add(node.node());
                continue;
            }
            for (Disk disk : told.getDisksList()) {
                if (disk.getNode() == node.node() && disk.getReason().isEmpty()) {
                    served.add(disk.getId());
                } else if (disk.getNode() == node.node() && disk.getId().isEmpty()) {
                    unreadable.add(disk);
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
                                            failed.getOrDefault(disk, ""),
                                            unreadable))
                            .volumes()
                            .add(volume.getName());
                }
            }
        }
        return List.copyOf(lost.values());
    }
}
