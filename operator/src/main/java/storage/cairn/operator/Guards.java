package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudgetBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import storage.cairn.api.resource.StorageClusterSpec;

/**
 * Holds {@code kubectl drain}, which passes over DaemonSets: on each node with an engine a pod that only waits, with a
 * budget that forbids its eviction while some volume cannot do without the node.
 */
final class Guards {
    private final StorageClusterSpec spec;
    private final Settings settings;

    Guards(StorageClusterSpec spec, Settings settings) {
        this.spec = spec;
        this.settings = settings;
    }

    /**
     * @param needed names of the nodes that must stay
     */
    List<HasMetadata> all(List<EngineNode> nodes, Set<String> needed) {
        List<HasMetadata> all = new ArrayList<>();
        for (EngineNode node : nodes) {
            all.add(pod(node));
            all.add(budget(node, needed.contains(node.name())));
        }
        return all;
    }

    private static Map<String, String> selector(EngineNode node) {
        Map<String, String> selector = new TreeMap<>(Names.selector("cairn-guard"));
        selector.put(Names.NODE, Integer.toString(node.number()));
        return selector;
    }

    private static Map<String, String> labels(EngineNode node) {
        Map<String, String> labels = new TreeMap<>(Names.labels("cairn-guard"));
        labels.putAll(selector(node));
        return labels;
    }

    private Deployment pod(EngineNode node) {
        return new DeploymentBuilder()
                .withNewMetadata()
                .withName(Names.GUARD + node.number())
                .withNamespace(settings.namespace())
                .withLabels(labels(node))
                .endMetadata()
                .withNewSpec()
                .withReplicas(1)
                .withNewStrategy()
                .withType("Recreate")
                .endStrategy()
                .withNewSelector()
                .withMatchLabels(selector(node))
                .endSelector()
                .withNewTemplate()
                .withNewMetadata()
                .withLabels(labels(node))
                .endMetadata()
                .withNewSpec()
                .withAutomountServiceAccountToken(false)
                .withTerminationGracePeriodSeconds(1L)
                .withImagePullSecrets(Images.pullSecrets(spec))
                .withTolerations(spec.tolerations() == null ? List.of() : spec.tolerations())
                .withNewAffinity()
                .withNewNodeAffinity()
                .withNewRequiredDuringSchedulingIgnoredDuringExecution()
                .addNewNodeSelectorTerm()
                .addNewMatchField()
                .withKey("metadata.name")
                .withOperator("In")
                .withValues(node.name())
                .endMatchField()
                .endNodeSelectorTerm()
                .endRequiredDuringSchedulingIgnoredDuringExecution()
                .endNodeAffinity()
                .endAffinity()
                .addNewContainer()
                .withName("guard")
                .withImage(settings.guardImage())
                .withImagePullPolicy(Images.pullPolicy(spec, settings))
                .withNewResources()
                .withRequests(Map.of("cpu", new Quantity("1m"), "memory", new Quantity("4Mi")))
                .withLimits(Map.of("memory", new Quantity("16Mi")))
                .endResources()
                .withNewSecurityContext()
                .withRunAsNonRoot(true)
                .withRunAsUser(65_532L)
                .withAllowPrivilegeEscalation(false)
                .withReadOnlyRootFilesystem(true)
                .endSecurityContext()
                .endContainer()
                .endSpec()
                .endTemplate()
                .endSpec()
                .build();
    }

    private PodDisruptionBudget budget(EngineNode node, boolean needed) {
        return new PodDisruptionBudgetBuilder()
                .withNewMetadata()
                .withName(Names.GUARD + node.number())
                .withNamespace(settings.namespace())
                .withLabels(labels(node))
                .endMetadata()
                .withNewSpec()
                .withMaxUnavailable(new IntOrString(needed ? 0 : 1))
                .withNewSelector()
                .withMatchLabels(selector(node))
                .endSelector()
                .endSpec()
                .build();
    }
}
