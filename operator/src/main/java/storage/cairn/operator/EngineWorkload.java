package storage.cairn.operator;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.HTTPGetActionBuilder;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.ProbeBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceRequirements;
import io.fabric8.kubernetes.api.model.ResourceRequirementsBuilder;
import io.fabric8.kubernetes.api.model.Toleration;
import io.fabric8.kubernetes.api.model.TolerationBuilder;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeBuilder;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.VolumeMountBuilder;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.DaemonSetBuilder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageClusterSpec;

/**
 * The DaemonSet of the engines. Kubernetes restarts none of its pods for a change ({@code OnDelete}): {@link Rollout}
 * does, one node at a time. What a pod was made from is its annotation {@link Names#REVISION}.
 */
final class EngineWorkload {
    private static final long TERMINATION_SECONDS = 45;
    private static final int START_SECONDS = 600;
    private static final int PROBE_SECONDS = 10;
    private static final int PROBE_FAILURES = 6;
    private static final int REVISION_BYTES = 8;
    /** Maps have another order in each process. */
    private static final JsonMapper SORTED = JsonMapper.builder()
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .build();

    private final StorageClusterSpec spec;
    private final Settings settings;

    EngineWorkload(StorageClusterSpec spec, Settings settings) {
        this.spec = spec;
        this.settings = settings;
    }

    DaemonSet daemonSet(ConfigMap files, Identity identity) {
        PodTemplateSpec template = template();
        String revision = revision(files, identity, template);
        template.getMetadata().getAnnotations().put(Names.REVISION, revision);
        return new DaemonSetBuilder()
                .withNewMetadata()
                .withName(Names.ENGINE)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.ENGINE))
                .withAnnotations(Map.of(Names.REVISION, revision))
                .endMetadata()
                .withNewSpec()
                .withNewSelector()
                .withMatchLabels(Names.selector(Names.ENGINE))
                .endSelector()
                .withNewUpdateStrategy()
                .withType("OnDelete")
                .endUpdateStrategy()
                .withTemplate(template)
                .endSpec()
                .build();
    }

    /** Of all that every engine reads at its start and at no other time; in the order of keys, whoever leads. */
    private static String revision(ConfigMap files, Identity identity, PodTemplateSpec template) {
        try {
            String all =
                    SORTED.writeValueAsString(template) + files.getData().get(EngineFiles.COMMON) + identity.secret();
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(all.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, REVISION_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a pod template is written as JSON wherever it is sent", e);
        }
    }

    private PodTemplateSpec template() {
        Map<String, String> selector = spec.nodeSelector();
        return new PodTemplateSpecBuilder()
                .withNewMetadata()
                .withLabels(Names.labels(Names.ENGINE))
                .withAnnotations(new TreeMap<>())
                .endMetadata()
                .withNewSpec()
                .withServiceAccountName(Names.ENGINE)
                // Peers meet at the nodes' addresses, and a volume outlives its pod's network.
                .withHostNetwork(true)
                .withDnsPolicy("ClusterFirstWithHostNet")
                .withPriorityClassName(Surroundings.ENGINE_PRIORITY)
                .withNodeSelector(selector == null ? Map.of() : selector)
                .withTolerations(tolerations())
                .withTerminationGracePeriodSeconds(TERMINATION_SECONDS)
                .withImagePullSecrets(Images.pullSecrets(spec))
                .withContainers(container())
                .withVolumes(volumes())
                .endSpec()
                .build();
    }

    /** Also that of failover: what brings the node's replicas back is an engine there. */
    private List<Toleration> tolerations() {
        List<Toleration> all = new ArrayList<>(spec.tolerations() == null ? List.of() : spec.tolerations());
        all.add(new TolerationBuilder()
                .withKey(Api.FAILED_TAINT)
                .withOperator("Exists")
                .build());
        return all;
    }

    private Container container() {
        return new ContainerBuilder()
                .withName("engine")
                .withImage(Images.image(spec, settings))
                .withImagePullPolicy(Images.pullPolicy(spec, settings))
                .withCommand("/opt/cairn/jre/bin/java", "@/opt/cairn/engine.args")
                .withArgs(EngineFiles.arguments(spec))
                .withEnv(
                        field("NODE_NAME", "spec.nodeName"),
                        field("HOST_IP", "status.hostIP"),
                        field("CAIRN_NAMESPACE", "metadata.namespace"))
                .addNewPort()
                .withName("metrics")
                .withContainerPort(EngineFiles.metricsPort(spec))
                .withHostPort(EngineFiles.metricsPort(spec))
                .withProtocol("TCP")
                .endPort()
                .withResources(resources())
                // Raw disks; and io_uring, which the profiles of container runtimes forbid.
                .withNewSecurityContext()
                .withPrivileged(true)
                .withNewSeccompProfile()
                .withType("Unconfined")
                .endSeccompProfile()
                .endSecurityContext()
                .withStartupProbe(probe("/healthz", START_SECONDS / 2)
                        .withPeriodSeconds(2)
                        .build())
                .withLivenessProbe(probe("/healthz", PROBE_FAILURES).build())
                .withReadinessProbe(probe("/readyz", 2).withPeriodSeconds(2).build())
                .withTerminationMessagePolicy("FallbackToLogsOnError")
                .withVolumeMounts(mounts())
                .build();
    }

    private static EnvVar field(String name, String path) {
        return new EnvVarBuilder()
                .withName(name)
                .withNewValueFrom()
                .withNewFieldRef()
                .withApiVersion("v1")
                .withFieldPath(path)
                .endFieldRef()
                .endValueFrom()
                .build();
    }

    private ProbeBuilder probe(String path, int failures) {
        Probe probe = new ProbeBuilder()
                .withHttpGet(new HTTPGetActionBuilder()
                        .withPath(path)
                        .withPort(new IntOrString("metrics"))
                        .withScheme("HTTP")
                        .build())
                .withPeriodSeconds(PROBE_SECONDS)
                .withTimeoutSeconds(PROBE_SECONDS / 2)
                .withFailureThreshold(failures)
                .build();
        return new ProbeBuilder(probe);
    }

    /**
     * Memory is what the JVM takes by engine.jvmargs, with room to spare. Kubernetes calls a pod Guaranteed only when its
     * CPU is limited as well, and that would stall I/O; what the kernel spares such pods the engine asks for itself.
     */
    private ResourceRequirements resources() {
        ResourceRequirements given = spec.resources();
        if (given != null) {
            return given;
        }
        Quantity memory = new Quantity("3Gi");
        return new ResourceRequirementsBuilder()
                .withRequests(Map.of("cpu", new Quantity("250m"), "memory", memory))
                .withLimits(Map.of("memory", memory))
                .build();
    }

    private List<Volume> volumes() {
        List<Volume> volumes = new ArrayList<>();
        volumes.add(new VolumeBuilder()
                .withName("config")
                .withNewConfigMap()
                .withName(Names.ENGINE)
                .endConfigMap()
                .build());
        volumes.add(new VolumeBuilder()
                .withName("secret")
                .withNewSecret()
                .withSecretName(Names.IDENTITY)
                .withDefaultMode(0400)
                .addNewItem(EngineFiles.SECRET_KEY, null, EngineFiles.SECRET_KEY)
                .endSecret()
                .build());
        volumes.add(hostPath("devices", "/dev", "Directory"));
        volumes.add(hostPath("data", EngineFiles.DATA_FOLDER, "DirectoryOrCreate"));
        int index = 0;
        for (String folder : fileFolders()) {
            volumes.add(hostPath("files-" + index++, folder, "DirectoryOrCreate"));
        }
        return volumes;
    }

    private static Volume hostPath(String name, String path, String type) {
        return new VolumeBuilder().withName(name).withNewHostPath(path, type).build();
    }

    private List<VolumeMount> mounts() {
        List<VolumeMount> mounts = new ArrayList<>();
        mounts.add(mount("config", EngineFiles.CONFIG_FOLDER).withReadOnly(true).build());
        mounts.add(mount("secret", EngineFiles.SECRET_FOLDER).withReadOnly(true).build());
        // A disk that is plugged in later is to be seen too.
        mounts.add(
                mount("devices", "/dev").withMountPropagation("HostToContainer").build());
        mounts.add(mount("data", EngineFiles.DATA_FOLDER).build());
        int index = 0;
        for (String folder : fileFolders()) {
            mounts.add(mount("files-" + index++, folder).build());
        }
        return mounts;
    }

    private static VolumeMountBuilder mount(String name, String path) {
        return new VolumeMountBuilder().withName(name).withMountPath(path);
    }

    /** Folders of the files that stand for disks, but for those that are there anyhow. */
    private TreeSet<String> fileFolders() {
        TreeSet<String> folders = new TreeSet<>();
        for (StorageClusterSpec.FileDisk disk : EngineFiles.files(spec)) {
            String folder = disk.path().substring(0, Math.max(1, disk.path().lastIndexOf('/')));
            if (!folder.equals(EngineFiles.DATA_FOLDER)) {
                folders.add(folder);
            }
        }
        return folders;
    }
}
