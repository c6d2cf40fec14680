package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.SecurityContextBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudgetBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StorageClusterSpec.SchedulerMode;

/**
 * The scheduler of pods with volumes: two pods, in each an upstream kube-scheduler, of which one leads, and beside it the
 * extender that it asks on loopback. Where no second scheduler is wanted the extender is alone, for its webhook.
 */
final class SchedulerWorkload {
    private static final Probes SCHEDULER_PROBES = new Probes("scheduler", "HTTPS");
    private static final Probes EXTENDER_PROBES = new Probes("health", "HTTP");
    private static final int REPLICAS = 2;
    private static final int HEALTH_PORT = 8080;
    private static final int WEBHOOK_PORT = 8443;
    private static final int SCHEDULER_PORT = 10_259;
    private static final String CONFIGURATION = "scheduler.yaml";
    private static final String FOLDER = "/etc/cairn-scheduler";

    private final StorageClusterSpec spec;
    private final Settings settings;
    private final SchedulerMode mode;

    SchedulerWorkload(StorageClusterSpec spec, Settings settings) {
        this.spec = spec;
        this.settings = settings;
        StorageClusterSpec.Scheduler wanted = spec.scheduler();
        SchedulerMode given = wanted == null ? null : wanted.mode();
        this.mode = given == null ? SchedulerMode.SCHEDULER : given;
    }

    static boolean isWanted(StorageClusterSpec spec, Settings settings) {
        StorageClusterSpec.Scheduler wanted = spec.scheduler();
        return !settings.schedulerImage().isEmpty() && (wanted == null || !Boolean.FALSE.equals(wanted.enabled()));
    }

    List<HasMetadata> all() {
        ConfigMap files = files();
        return List.of(files, service(), budget(), deployment(files));
    }

    private ConfigMap files() {
        try (InputStream in = SchedulerWorkload.class.getResourceAsStream(CONFIGURATION)) {
            if (in == null) {
                throw new IllegalStateException("the jar has no " + CONFIGURATION);
            }
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("resourceNamespace: cairn-system", "resourceNamespace: " + settings.namespace());
            return new ConfigMapBuilder()
                    .withNewMetadata()
                    .withName(Names.SCHEDULER)
                    .withNamespace(settings.namespace())
                    .withLabels(Names.labels(Names.SCHEDULER))
                    .endMetadata()
                    .withData(Map.of(CONFIGURATION, text))
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Service service() {
        return new ServiceBuilder()
                .withNewMetadata()
                .withName(Names.SCHEDULER)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.SCHEDULER))
                .endMetadata()
                .withNewSpec()
                .withSelector(Names.selector(Names.SCHEDULER))
                .addNewPort()
                .withName("webhook")
                .withPort(443)
                .withTargetPort(new IntOrString("webhook"))
                .withProtocol("TCP")
                .endPort()
                .endSpec()
                .build();
    }

    private PodDisruptionBudget budget() {
        return new PodDisruptionBudgetBuilder()
                .withNewMetadata()
                .withName(Names.SCHEDULER)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.SCHEDULER))
                .endMetadata()
                .withNewSpec()
                .withMaxUnavailable(new IntOrString(1))
                .withNewSelector()
                .withMatchLabels(Names.selector(Names.SCHEDULER))
                .endSelector()
                .endSpec()
                .build();
    }

    private Deployment deployment(ConfigMap files) {
        return new DeploymentBuilder()
                .withNewMetadata()
                .withName(Names.SCHEDULER)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.SCHEDULER))
                .endMetadata()
                .withNewSpec()
                .withReplicas(REPLICAS)
                .withNewSelector()
                .withMatchLabels(Names.selector(Names.SCHEDULER))
                .endSelector()
                .withNewTemplate()
                .withNewMetadata()
                .withLabels(Names.labels(Names.SCHEDULER))
                // Neither process reads its configuration again.
                .withAnnotations(Map.of(Names.REVISION, revision(files)))
                .endMetadata()
                .withNewSpec()
                .withServiceAccountName(Names.SCHEDULER)
                .withPriorityClassName(Surroundings.CONTROL_PRIORITY)
                .withImagePullSecrets(Images.pullSecrets(spec))
                .addNewTopologySpreadConstraint()
                .withMaxSkew(1)
                .withTopologyKey("kubernetes.io/hostname")
                .withWhenUnsatisfiable("ScheduleAnyway")
                .withNewLabelSelector()
                .withMatchLabels(Names.selector(Names.SCHEDULER))
                .endLabelSelector()
                .endTopologySpreadConstraint()
                .withContainers(
                        mode == SchedulerMode.SCHEDULER ? List.of(scheduler(), extender()) : List.of(extender()))
                .addNewVolume()
                .withName("configuration")
                .withNewConfigMap()
                .withName(Names.SCHEDULER)
                .endConfigMap()
                .endVolume()
                .addNewVolume()
                .withName("tmp")
                .withNewEmptyDir()
                .withMedium("Memory")
                .withSizeLimit(new Quantity("16Mi"))
                .endEmptyDir()
                .endVolume()
                .endSpec()
                .endTemplate()
                .endSpec()
                .build();
    }

    /** In the order of names, which is another in each process otherwise. */
    private static String revision(ConfigMap files) {
        CRC32 sum = new CRC32();
        sum.update(new TreeMap<>(files.getData()).toString().getBytes(StandardCharsets.UTF_8));
        return Long.toHexString(sum.getValue());
    }

    private Container scheduler() {
        return new ContainerBuilder()
                .withName("kube-scheduler")
                .withImage(settings.schedulerImage())
                .withImagePullPolicy(Images.pullPolicy(spec, settings))
                .withCommand(
                        "kube-scheduler",
                        "--config=" + FOLDER + "/" + CONFIGURATION,
                        "--secure-port=" + SCHEDULER_PORT,
                        "--cert-dir=/tmp")
                .addNewPort()
                .withName("scheduler")
                .withContainerPort(SCHEDULER_PORT)
                .withProtocol("TCP")
                .endPort()
                .withNewResources()
                .withRequests(Map.of("cpu", new Quantity("50m"), "memory", new Quantity("64Mi")))
                .withLimits(Map.of("memory", new Quantity("1Gi")))
                .endResources()
                .withSecurityContext(confined())
                .withStartupProbe(SCHEDULER_PROBES.startup("/livez"))
                .withLivenessProbe(SCHEDULER_PROBES.liveness("/livez"))
                .withReadinessProbe(SCHEDULER_PROBES.readiness("/readyz"))
                .addNewVolumeMount()
                .withName("configuration")
                .withMountPath(FOLDER)
                .withReadOnly(true)
                .endVolumeMount()
                .addNewVolumeMount()
                .withName("tmp")
                .withMountPath("/tmp")
                .endVolumeMount()
                .build();
    }

    private Container extender() {
        return new ContainerBuilder()
                .withName("scheduler-extender")
                .withImage(Images.image(spec, settings))
                .withImagePullPolicy(Images.pullPolicy(spec, settings))
                .withCommand("/opt/cairn/jre/bin/java", "@/opt/cairn/scheduler-extender.args")
                .withArgs("--mode=" + (mode == SchedulerMode.SCHEDULER ? "scheduler" : "affinity"))
                .withEnv(namespace(), podName())
                .addNewPort()
                .withName("health")
                .withContainerPort(HEALTH_PORT)
                .withProtocol("TCP")
                .endPort()
                .addNewPort()
                .withName("webhook")
                .withContainerPort(WEBHOOK_PORT)
                .withProtocol("TCP")
                .endPort()
                .withNewResources()
                .withRequests(Map.of("cpu", new Quantity("50m"), "memory", new Quantity("192Mi")))
                .withLimits(Map.of("memory", new Quantity("768Mi")))
                .endResources()
                .withSecurityContext(confined())
                .withStartupProbe(EXTENDER_PROBES.startup("/healthz"))
                .withLivenessProbe(EXTENDER_PROBES.liveness("/healthz"))
                .withReadinessProbe(EXTENDER_PROBES.readiness("/readyz"))
                .addNewVolumeMount()
                .withName("tmp")
                .withMountPath("/tmp")
                .endVolumeMount()
                .build();
    }

    private EnvVar namespace() {
        return new EnvVarBuilder()
                .withName("CAIRN_NAMESPACE")
                .withValue(settings.namespace())
                .build();
    }

    private static EnvVar podName() {
        return new EnvVarBuilder()
                .withName("POD_NAME")
                .withNewValueFrom()
                .withNewFieldRef()
                .withApiVersion("v1")
                .withFieldPath("metadata.name")
                .endFieldRef()
                .endValueFrom()
                .build();
    }

    private static SecurityContext confined() {
        return new SecurityContextBuilder()
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
                .build();
    }
}
