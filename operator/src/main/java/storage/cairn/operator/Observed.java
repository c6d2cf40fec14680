package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.Pod;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.VolumeMembership;

/**
 * What is there at one moment, in the order of names.
 *
 * @param numbers node numbers given so far by node name, also of nodes that are gone
 * @param enginePods pods of the engines' DaemonSet
 * @param serviceMonitors whether ServiceMonitor is defined
 */
record Observed(
        Instant now,
        List<Node> nodes,
        List<StorageNode> storageNodes,
        Map<String, Integer> numbers,
        List<Disk> disks,
        List<StoragePool> pools,
        List<VolumeMembership> memberships,
        int volumes,
        List<Pod> enginePods,
        boolean serviceMonitors) {
    Observed {
        nodes = nodes.stream()
                .sorted(Comparator.comparing(each -> each.getMetadata().getName()))
                .toList();
        storageNodes = storageNodes.stream()
                .sorted(Comparator.comparing(each -> each.getMetadata().getName()))
                .toList();
        disks = disks.stream()
                .sorted(Comparator.comparing(each -> each.getMetadata().getName()))
                .toList();
        pools = pools.stream()
                .sorted(Comparator.comparing(each -> each.getMetadata().getName()))
                .toList();
        memberships = memberships.stream()
                .filter(each -> each.getSpec() != null && !each.getSpec().deleted())
                .toList();
        enginePods = enginePods.stream()
                .sorted(Comparator.comparing(each -> each.getMetadata().getName()))
                .toList();
        numbers = Map.copyOf(numbers);
    }
}
