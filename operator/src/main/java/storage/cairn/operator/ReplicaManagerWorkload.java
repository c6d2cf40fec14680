package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudgetBuilder;
import java.util.List;
import java.util.Map;
import storage.cairn.api.resource.StorageClusterSpec;

/** The Deployment of the replica manager: two pods on different nodes, of which one leads. */
final class ReplicaManagerWorkload {
    private static final int REPLICAS = 2;
    private static final int HEALTH_PORT = 8080;

    private ReplicaManagerWorkload() {}

    static Deployment deployment(StorageClusterSpec spec, Settings settings) {
        return new DeploymentBuilder()
                .withNewMetadata()
                .withName(Names.REPLICA_MANAGER)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.REPLICA_MANAGER))
                .endMetadata()
                .withNewSpec()
                .withReplicas(REPLICAS)
                .withNewSelector()
                .withMatchLabels(Names.selector(Names.REPLICA_MANAGER))
                .endSelector()
                .withNewTemplate()
                .withNewMetadata()
                .withLabels(Names.labels(Names.REPLICA_MANAGER))
                .endMetadata()
                .withNewSpec()
                .withServiceAccountName(Names.REPLICA_MANAGER)
                .withPriorityClassName(Surroundings.CONTROL_PRIORITY)
                .withImagePullSecrets(Images.pullSecrets(spec))
                .addNewTopologySpreadConstraint()
                .withMaxSkew(1)
                .withTopologyKey("kubernetes.io/hostname")
                .withWhenUnsatisfiable("ScheduleAnyway")
                .withNewLabelSelector()
                .withMatchLabels(Names.selector(Names.REPLICA_MANAGER))
                .endLabelSelector()
                .endTopologySpreadConstraint()
                .addNewContainer()
                .withName("replica-manager")
                .withImage(Images.image(spec, settings))
                .withImagePullPolicy(Images.pullPolicy(spec, settings))
                .withCommand("/opt/cairn/jre/bin/java", "@/opt/cairn/replica-manager.args")
                .withEnv(environment(settings))
                .addNewPort()
                .withName("health")
                .withContainerPort(HEALTH_PORT)
                .withProtocol("TCP")
                .endPort()
                .withNewResources()
                .withRequests(Map.of("cpu", new Quantity("50m"), "memory", new Quantity("192Mi")))
                .withLimits(Map.of("memory", new Quantity("512Mi")))
                .endResources()
                .withNewSecurityContext()
                .withRunAsNonRoot(true)
                .withRunAsUser(65_532L)
                .withAllowPrivilegeEscalation(false)
                .withReadOnlyRootFilesystem(true)
                .withNewCapabilities()
                .withDrop("ALL")
                .endCapabilities()
                .withNewSeccompProfile()
                .withType("RuntimeDefault")
                .endSeccompProfile()
                .endSecurityContext()
                .withNewLivenessProbe()
                .withNewHttpGet()
                .withPath("/healthz")
                .withPort(new IntOrString("health"))
                .withScheme("HTTP")
                .endHttpGet()
                .withInitialDelaySeconds(10)
                .endLivenessProbe()
                .withNewReadinessProbe()
                .withNewHttpGet()
                .withPath("/readyz")
                .withPort(new IntOrString("health"))
                .withScheme("HTTP")
                .endHttpGet()
                .withPeriodSeconds(2)
                .endReadinessProbe()
                .endContainer()
                .endSpec()
                .endTemplate()
                .endSpec()
                .build();
    }

    static PodDisruptionBudget budget(Settings settings) {
        return new PodDisruptionBudgetBuilder()
                .withNewMetadata()
                .withName(Names.REPLICA_MANAGER)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.REPLICA_MANAGER))
                .endMetadata()
                .withNewSpec()
                .withMaxUnavailable(new IntOrString(1))
                .withNewSelector()
                .withMatchLabels(Names.selector(Names.REPLICA_MANAGER))
                .endSelector()
                .endSpec()
                .build();
    }

    private static List<EnvVar> environment(Settings settings) {
        return List.of(
                new EnvVarBuilder()
                        .withName("CAIRN_NAMESPACE")
                        .withValue(settings.namespace())
                        .build(),
                new EnvVarBuilder()
                        .withName("POD_NAME")
                        .withNewValueFrom()
                        .withNewFieldRef()
                        .withApiVersion("v1")
                        .withFieldPath("metadata.name")
                        .endFieldRef()
                        .endValueFrom()
                        .build());
    }
}
