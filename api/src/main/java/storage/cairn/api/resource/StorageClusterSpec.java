package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.LocalObjectReference;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceRequirements;
import io.fabric8.kubernetes.api.model.Toleration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What somebody wants of Cairn on this Kubernetes. */
@ValidationRule(
        value = "!has(oldSelf.clusterId) || (has(self.clusterId) && self.clusterId == oldSelf.clusterId)",
        message = "clusterId is on every disk and cannot be changed",
        fieldPath = ".clusterId")
@ValidationRule(
        value = "self.kubeletDir == oldSelf.kubeletDir",
        message = "kubeletDir cannot be changed: volumes are mounted below it; delete the StorageCluster first",
        fieldPath = ".kubeletDir")
public record StorageClusterSpec(
        @JsonPropertyDescription("Identity that every disk carries. Made at random when not given; give that of an"
                + " earlier installation to take over its disks.")
        @Pattern(Api.UUID_PATTERN)
        @Nullable
        String clusterId,

        @JsonPropertyDescription("Labels of the nodes to run engines on; all nodes when not given.") @Nullable
        Map<String, String> nodeSelector,

        @JsonPropertyDescription("Taints that do not keep engines off a node.") @Size(max = 32) @Nullable
        List<Toleration> tolerations,

        @JsonPropertyDescription("Which disks of those nodes to use. Without it none is.") @Nullable
        Disks disks,

        @JsonPropertyDescription("What volumes have that say nothing else.") @Nullable
        Defaults defaults,

        @JsonPropertyDescription("Where engines talk to each other.") @Nullable
        Network network,

        @JsonPropertyDescription("CPU and memory of each engine.")
        @ValidationRule(
                value = "!has(self.limits) || !('memory' in self.limits)"
                        + " || (isQuantity(string(self.limits['memory']))"
                        + " && quantity(string(self.limits['memory'])).compareTo(quantity('1Gi')) >= 0)",
                message = "an engine takes up to 3Gi of memory, and would be ended in mid-work with a limit below 1Gi")
        @Nullable
        ResourceRequirements resources,

        @JsonPropertyDescription("The scheduler that puts pods near their data.") @Nullable
        Scheduler scheduler,

        @JsonPropertyDescription("What is done for pods on a node that died.") @Nullable
        Failover failover,

        @JsonPropertyDescription("Metrics.") @Nullable Monitoring monitoring,

        @JsonPropertyDescription("Where the container images come from.") @Nullable
        Images images,

        @JsonPropertyDescription("The folder of kubelet on the nodes.")
        @Default("/var/lib/kubelet")
        @Pattern("^/[^\\s]*[^/\\s]$")
        @Nullable
        String kubeletDir) {

    /** Which disks to use. A disk with foreign data, in use or with partitions is never taken. */
    @ValidationRule(
            value = "has(self.devices) || has(self.files)",
            message = "name devices (for instance /dev/nvme*n1), or files for a trial")
    public record Disks(
            @JsonPropertyDescription("Patterns of device paths, for instance /dev/nvme*n1.")
            @Size(min = 1, max = 64)
            @Nullable
            List<@Pattern("^/dev/.+$") @Size(max = 255) String> devices,

            @JsonPropertyDescription("Patterns of device paths that are left alone though devices names them.")
            @Size(max = 64)
            @Nullable
            List<@Pattern("^/dev/.+$") @Size(max = 255) String> exclude,

            @JsonPropertyDescription("Kinds of media to use; all when not given.") @Size(min = 1, max = 4) @Nullable
            List<Media> media,

            @JsonPropertyDescription("Smaller disks are left alone.")
            @ValidationRule(
                    value = "isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0",
                    message = "not a size such as 100Gi")
            @Nullable
            Quantity minSize,

            @JsonPropertyDescription("Pattern of the model, for instance 'Samsung*'.") @Size(max = 255) @Nullable
            String model,

            @JsonPropertyDescription("Files that stand for disks, on every node, for trials.") @Size(max = 64) @Nullable
            List<FileDisk> files) {}

    /** A file that stands for a disk. */
    public record FileDisk(
            @JsonPropertyDescription("Path on the node; made if it is not there.")
            @Required
            @Pattern("^/[^\\s]*[^/\\s]$")
            @Size(max = 255)
            String path,

            @JsonPropertyDescription("Its size.") @Required Quantity size) {}

    /** What volumes have that say nothing else. */
    @ValidationRule(
            value = "!has(self.minInSync) || self.minInSync <= self.replicas",
            message = "minInSync is more than replicas: such a volume could never be written",
            fieldPath = ".minInSync")
    public record Defaults(
            @JsonPropertyDescription("Copies of each volume.") @Default("3") @Min(1) @Max(5) @Nullable
            Integer replicas,

            @JsonPropertyDescription(
                    "Fewest copies that a write must reach; half of the replicas, rounded up, when not given.")
            @Min(1)
            @Max(5)
            @Nullable
            Integer minInSync) {}

    /** Where engines talk to each other. */
    public record Network(
            @JsonPropertyDescription("Network to use of those that a node has, for instance 10.1.0.0/16; that of the"
                    + " node's InternalIP when not given.")
            @ValidationRule(value = "isCIDR(self)", message = "not a network such as 10.1.0.0/16")
            @Size(max = 64)
            @Nullable
            String cidr,

            @JsonPropertyDescription("Port of the engines on the nodes.")
            @Default("7480")
            @Min(1024)
            @Max(65535)
            @Nullable
            Integer port) {}

    /** The scheduler that puts pods near their data. */
    public record Scheduler(
            @JsonPropertyDescription("Whether pods with our volumes are put near their data.")
            @Default("true")
            @Nullable
            Boolean enabled,

            @JsonPropertyDescription("How: scheduler sends such pods to a second kube-scheduler, cairn-scheduler;"
                    + " affinity leaves them to the usual one, with a preferred affinity to the nodes of their data.")
            @Default("scheduler")
            @Nullable
            SchedulerMode mode) {}

    /** How pods are put near their data. */
    public enum SchedulerMode {
        @JsonProperty("scheduler")
        SCHEDULER,
        @JsonProperty("affinity")
        AFFINITY
    }

    /** What is done for pods on a node that died. */
    public record Failover(
            @JsonPropertyDescription("Whether pods with our volumes leave a dead node.") @Default("true") @Nullable
            Boolean enabled,

            @JsonPropertyDescription("Seconds without a sign of life of kubelet that count as one proof of its death.")
            @Default("12")
            @Min(10)
            @Max(600)
            @Nullable
            Integer nodeLeaseSeconds,

            @JsonPropertyDescription("Whether everything is decided and told, in events and metrics, and nothing done.")
            @Default("false")
            @Nullable
            Boolean dryRun) {}

    /** Metrics. */
    public record Monitoring(
            @JsonPropertyDescription("Whether a ServiceMonitor is made; auto: if its definition is there.")
            @Default("auto")
            @Nullable
            ServiceMonitor serviceMonitor) {}

    /** Whether a ServiceMonitor is made. */
    public enum ServiceMonitor {
        @JsonProperty("auto")
        AUTO,
        @JsonProperty("always")
        ALWAYS,
        @JsonProperty("never")
        NEVER
    }

    /** Where the container images come from. */
    public record Images(
            @JsonPropertyDescription("Registry and folder of all images.")
            @Size(max = 255)
            @Pattern("^[^\\s]*[^/\\s]$")
            @Nullable
            String repository,

            @JsonPropertyDescription("Tag of all images; the operator's own when not given.")
            @Size(max = 128)
            @Pattern("^[A-Za-z0-9_][A-Za-z0-9._-]*$")
            @Nullable
            String tag,

            @JsonPropertyDescription("When kubelet pulls.") @Default("IfNotPresent") @Nullable
            PullPolicy pullPolicy,

            @JsonPropertyDescription("Secrets for the registry.") @Size(max = 16) @Nullable
            List<LocalObjectReference> pullSecrets) {}

    /** When kubelet pulls an image. */
    public enum PullPolicy {
        @JsonProperty("Always")
        ALWAYS,
        @JsonProperty("IfNotPresent")
        IF_NOT_PRESENT,
        @JsonProperty("Never")
        NEVER
    }
}
