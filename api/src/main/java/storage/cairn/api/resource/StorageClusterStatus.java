package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How Cairn is. Conditions: Available, Progressing, Degraded. */
public record StorageClusterStatus(
        @JsonPropertyDescription("In one word.") @PrinterColumn(name = "PHASE") @Nullable
        Phase phase,

        @JsonPropertyDescription("Identity that every disk carries.") @Nullable
        String clusterId,

        @JsonPropertyDescription("Version that all components run.") @PrinterColumn(name = "VERSION") @Nullable
        String version,

        @JsonPropertyDescription("Nodes whose engine serves.") @PrinterColumn(name = "NODES") @Nullable
        Integer readyNodes,

        @JsonPropertyDescription("Disks that are in a pool and serve.") @PrinterColumn(name = "DISKS") @Nullable
        Integer readyDisks,

        @JsonPropertyDescription("Volumes.") @PrinterColumn(name = "VOLUMES") @Nullable
        Integer volumes,

        @JsonPropertyDescription("Space of all pools.") @Nullable
        Capacity capacity,

        @JsonPropertyDescription("Generation of the spec that this tells of.") @Nullable
        Long observedGeneration,

        @JsonPropertyDescription("Available, Progressing, Degraded.") @Nullable
        List<Condition> conditions) {

    /** In one word. */
    public enum Phase {
        @JsonProperty("Installing")
        INSTALLING,
        @JsonProperty("Ready")
        READY,
        @JsonProperty("Upgrading")
        UPGRADING,
        @JsonProperty("Degraded")
        DEGRADED,
        @JsonProperty("Uninstalling")
        UNINSTALLING
    }
}
