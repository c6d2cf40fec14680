package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.Media;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;

/** What is there, put together for tests. */
final class Fixtures {
    static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    static final Settings SETTINGS = new Settings(
            "cairn-system", "registry.example/cairn:1.0", "pause:1", "IfNotPresent", "1.0", true, "kube-scheduler:1");
    static final Identity IDENTITY = new Identity("6f1c1f0e-0000-4000-8000-000000000001", "00".repeat(32));

    final List<Node> nodes = new ArrayList<>();
    final List<StorageNode> storageNodes = new ArrayList<>();
    final Map<String, Integer> numbers = new TreeMap<>();
    final List<Disk> disks = new ArrayList<>();
    final List<StoragePool> pools = new ArrayList<>();
    final List<VolumeMembership> memberships = new ArrayList<>();
    final List<Pod> pods = new ArrayList<>();
    boolean serviceMonitors;

    Observed observed() {
        return observed(NOW);
    }

    Observed observed(Instant now) {
        return new Observed(
                now,
                nodes,
                storageNodes,
                numbers,
                disks,
                pools,
                memberships,
                memberships.size(),
                pods,
                serviceMonitors);
    }

    /** A StorageCluster with this spec, in YAML. */
    static StorageCluster cluster(String spec) {
        StorageCluster cluster = Serialization.unmarshal(
                "apiVersion: cairn.storage/v1alpha1\nkind: StorageCluster\nmetadata: {name: cairn, uid: u, generation: 1}\nspec: "
                        + spec,
                StorageCluster.class);
        return cluster;
    }

    Fixtures node(String name, String address, String... labels) {
        Map<String, String> all = new TreeMap<>();
        for (String label : labels) {
            all.put(label, "true");
        }
        nodes.add(new NodeBuilder()
                .withNewMetadata()
                .withName(name)
                .withLabels(all)
                .endMetadata()
                .withNewStatus()
                .addNewAddress(address, "InternalIP")
                .endStatus()
                .build());
        return this;
    }

    Fixtures threeNodes() {
        return node("node1", "10.0.0.1").node("node2", "10.0.0.2").node("node3", "10.0.0.3");
    }

    Fixtures storageNode(String name, int number) {
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName(name).build());
        node.setSpec(new StorageNodeSpec(number, null, null, null));
        storageNodes.add(node);
        return this;
    }

    Fixtures pool(String name, String spec) {
        pools.add(Serialization.unmarshal(
                "apiVersion: cairn.storage/v1alpha1\nkind: StoragePool\nmetadata: {name: " + name
                        + ", generation: 1}\nspec: " + spec,
                StoragePool.class));
        return this;
    }

    Fixtures disk(String name, String node, DiskStatus.State state, @Nullable String pool, String... labels) {
        Map<String, String> all = new TreeMap<>();
        for (String label : labels) {
            all.put(label, "true");
        }
        Disk disk = new Disk();
        disk.setMetadata(new ObjectMetaBuilder().withName(name).withLabels(all).build());
        disk.setSpec(new DiskSpec(pool, null));
        disk.setStatus(new DiskStatus(
                state,
                state == DiskStatus.State.FAILED ? "holds an xfs filesystem" : null,
                node,
                "/dev/" + name,
                null,
                new Capacity(100L, 80L, 20L, null),
                Media.NVME,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null));
        disks.add(disk);
        return this;
    }

    /** One that is gone, after it was asked to be emptied; so many replicas were on it when it was seen last. */
    Fixtures evacuated(String name, String node, int replicas) {
        Disk disk = new Disk();
        disk.setMetadata(new ObjectMetaBuilder().withName(name).build());
        disk.setSpec(new DiskSpec("default", true));
        disk.setStatus(Serialization.unmarshal(
                "state: Failed\nnode: " + node + "\npath: /dev/" + name + "\nreplicas: " + replicas, DiskStatus.class));
        disks.add(disk);
        return this;
    }

    Fixtures volume(String name, int minInSync, List<String> inSync, List<String> outOfSync) {
        VolumeMembership membership = new VolumeMembership();
        membership.setMetadata(new ObjectMetaBuilder().withName(name).build());
        membership.setSpec(new VolumeMembershipSpec(
                name,
                1,
                1,
                "c",
                null,
                inSync,
                List.of(),
                outOfSync.stream()
                        .map(disk -> new VolumeMembershipSpec.Stale(disk, 0))
                        .toList(),
                minInSync,
                4096,
                null,
                false,
                false,
                false));
        memberships.add(membership);
        return this;
    }

    /** A pod of the engine on a node, made an hour ago. */
    Fixtures engine(String node, String revision, boolean ready, Instant since) {
        pods.add(new PodBuilder()
                .withNewMetadata()
                .withName("cairn-engine-" + node)
                .withNamespace("cairn-system")
                .withAnnotations(Map.of(Names.REVISION, revision))
                .withCreationTimestamp(since.toString())
                .endMetadata()
                .withNewSpec()
                .withNodeName(node)
                .endSpec()
                .withNewStatus()
                .addNewCondition()
                .withType("Ready")
                .withStatus(ready ? "True" : "False")
                .withLastTransitionTime(since.toString())
                .endCondition()
                .endStatus()
                .build());
        return this;
    }
}
