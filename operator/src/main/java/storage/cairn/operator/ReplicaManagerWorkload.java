package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
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
import storage.cairn.api.resource.StorageClusterSpec;

/** The Deployments of the replica manager's program in its two roles: each two pods on different nodes, of which one leads. */
final class ReplicaManagerWorkload {
    private static final Probes PROBES = new Probes("health", "HTTP");
    private static final int REPLICAS = 2;
    private static final int HEALTH_PORT = 8080;

    private ReplicaManagerWorkload() {}

    /**
     * @param name of the Deployment and of its service account
     * @param role of the program
     */
    private record Role(String name, String role) {}

    private static final Role PLACEMENT = new Role(Names.REPLICA_MANAGER, "placement");
    private static final Role FAILOVER = new Role(Names.FAILOVER, "failover");

    static List<HasMetadata> all(StorageClusterSpec spec, Settings settings) {
        List<HasMetadata> all =
                new ArrayList<>(List.of(deployment(PLACEMENT, spec, settings), budget(PLACEMENT, settings)));
        StorageClusterSpec.Failover failover = spec.failover();
        if (failover == null || !Boolean.FALSE.equals(failover.enabled())) {
            all.add(deployment(FAILOVER, spec, settings));
            all.add(budget(FAILOVER, settings));
        }
        return all;
    }

    private static Deployment deployment(Role role, StorageClusterSpec spec, Settings settings) {
        return new DeploymentBuilder()
                .withNewMetadata()
                .withName(role.name())
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(role.name()))
                .endMetadata()
                .withNewSpec()
                .withReplicas(REPLICAS)
                .withNewSelector()
                .withMatchLabels(Names.selector(role.name()))
                .endSelector()
                .withNewTemplate()
                .withNewMetadata()
                .withLabels(Names.labels(role.name()))
                .endMetadata()
                .withNewSpec()
                .withServiceAccountName(role.name())
                .withPriorityClassName(Surroundings.CONTROL_PRIORITY)
                .withImagePullSecrets(Images.pullSecrets(spec))
                .addNewTopologySpreadConstraint()
                .withMaxSkew(1)
                .withTopologyKey("kubernetes.io/hostname")
                .withWhenUnsatisfiable("ScheduleAnyway")
                .withNewLabelSelector()
                .withMatchLabels(Names.selector(role.name()))
                .endLabelSelector()
                .endTopologySpreadConstraint()
                .addNewContainer()
                .withName("replica-manager")
                .withImage(Images.image(spec, settings))
                .withImagePullPolicy(Images.pullPolicy(spec, settings))
                .withCommand("/opt/cairn/jre/bin/java", "@/opt/cairn/replica-manager.args")
                .withArgs("--role=" + role.role())
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
                .withStartupProbe(PROBES.startup("/healthz"))
                .withLivenessProbe(PROBES.liveness("/healthz"))
                .withReadinessProbe(PROBES.readiness("/readyz"))
                .endContainer()
                .endSpec()
                .endTemplate()
                .endSpec()
                .build();
    }

    private static PodDisruptionBudget budget(Role role, Settings settings) {
        return new PodDisruptionBudgetBuilder()
                .withNewMetadata()
                .withName(role.name())
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(role.name()))
                .endMetadata()
                .withNewSpec()
                .withMaxUnavailable(new IntOrString(1))
                .withNewSelector()
                .withMatchLabels(Names.selector(role.name()))
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
