package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;

/**
 * What there should be, as a function of the StorageCluster and of what is there. It decides; {@link
 * StorageClusterReconciler} acts.
 *
 * @param nodes with an engine
 * @param revision of the engines
 * @param owned go with the StorageCluster; applied in this order
 * @param kept outlive it: they tell which disks are whose
 * @param problems sentences that say what is wrong and what to do
 */
record Plan(
        List<EngineNode> nodes,
        String revision,
        List<HasMetadata> owned,
        List<HasMetadata> kept,
        List<String> problems) {
    static Plan of(StorageCluster cluster, Identity identity, Observed observed, Settings settings) {
        StorageClusterSpec spec = cluster.getSpec();
        EngineNode.All all = EngineNode.of(spec, observed);
        List<String> problems = new ArrayList<>(all.problems());
        if (spec.clusterId() != null && !spec.clusterId().equals(identity.clusterId())) {
            problems.add("spec.clusterId is " + spec.clusterId() + ", and the disks here carry " + identity.clusterId()
                    + ", by the secret " + Names.IDENTITY + ": remove it from the spec, or, if these disks are not"
                    + " needed, delete the StorageCluster and that secret");
        }
        if (Recognition.permitted(cluster) != null) {
            problems.add("a new secret may be made whenever it is lost: take that back with kubectl annotate"
                    + " storagecluster cairn " + Names.NEW_SECRET + "-");
        }
        List<HasMetadata> kept = new ArrayList<>();
        kept.add(namespace(settings));
        for (EngineNode node : all.nodes()) {
            kept.add(storageNode(node));
        }
        List<String> pools = new ArrayList<>();
        for (StoragePool pool : observed.pools()) {
            pools.add(pool.getMetadata().getName());
        }
        if (pools.isEmpty()) {
            kept.add(Pools.byDefault(spec));
            pools.add(Names.DEFAULT_POOL);
        }
        kept.add(numbers(all.nodes(), observed, settings));
        ConfigMap files = EngineFiles.configMap(spec, all.nodes(), settings);
        DaemonSet engines = new EngineWorkload(spec, settings).daemonSet(files, identity);
        List<HasMetadata> owned =
                new ArrayList<>(new Surroundings(spec, settings).all(pools, observed.serviceMonitors()));
        owned.add(files);
        owned.add(engines);
        if (settings.replicaManager()) {
            owned.addAll(ReplicaManagerWorkload.all(spec, settings));
        }
        if (SchedulerWorkload.isWanted(spec, settings)) {
            owned.addAll(new SchedulerWorkload(spec, settings).all());
        }
        owned.addAll(new Guards(spec, settings).all(all.nodes(), new Redundancy(observed).needed()));
        owned.forEach(each -> own(cluster, each));
        String revision = Objects.requireNonNull(
                engines.getMetadata().getAnnotations().get(Names.REVISION), "the workload carries its revision");
        return new Plan(all.nodes(), revision, owned, kept, problems);
    }

    /** Its number alone: what else the spec has is for people. */
    private static StorageNode storageNode(EngineNode node) {
        StorageNode resource = new StorageNode();
        resource.setMetadata(new ObjectMetaBuilder().withName(node.name()).build());
        resource.setSpec(new StorageNodeSpec(node.number(), null, null, null));
        return resource;
    }

    /** Where Kubernetes forbids privileged pods, they need this. */
    private static Namespace namespace(Settings settings) {
        return new NamespaceBuilder()
                .withNewMetadata()
                .withName(settings.namespace())
                .withLabels(Map.of("pod-security.kubernetes.io/enforce", "privileged"))
                .endMetadata()
                .build();
    }

    /** The number of every node that ever had an engine, so that none is given twice. */
    private static ConfigMap numbers(List<EngineNode> nodes, Observed observed, Settings settings) {
        Map<String, String> numbers = new TreeMap<>();
        observed.numbers().forEach((name, number) -> numbers.put(name, Integer.toString(number)));
        nodes.forEach(node -> numbers.put(node.name(), Integer.toString(node.number())));
        return new ConfigMapBuilder()
                .withNewMetadata()
                .withName(Names.NUMBERS)
                .withNamespace(settings.namespace())
                .withLabels(Map.of("app.kubernetes.io/part-of", "cairn"))
                .endMetadata()
                .withData(numbers)
                .build();
    }

    private static void own(StorageCluster cluster, HasMetadata resource) {
        resource.getMetadata()
                .setOwnerReferences(List.of(new OwnerReferenceBuilder()
                        .withApiVersion(cluster.getApiVersion())
                        .withKind(cluster.getKind())
                        .withName(cluster.getMetadata().getName())
                        .withUid(cluster.getMetadata().getUid())
                        .withController(true)
                        .build()));
    }
}
