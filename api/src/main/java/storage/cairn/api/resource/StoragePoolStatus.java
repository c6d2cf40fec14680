package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a pool has. Conditions: Ready, NearFull. */
public record StoragePoolStatus(
        @JsonPropertyDescription("Disks in it.") @PrinterColumn(name = "DISKS") @Nullable
        Integer disks,

        @JsonPropertyDescription("Nodes that they are on.") @PrinterColumn(name = "NODES") @Nullable
        Integer nodes,

        @JsonPropertyDescription("Space of its disks.") @Nullable
        Capacity capacity,

        @JsonPropertyDescription("Bytes used, in percent of the usable.") @PrinterColumn(name = "USED%") @Nullable
        Integer usedPercent,

        @JsonPropertyDescription("Generation of the spec that this tells of.") @Nullable
        Long observedGeneration,

        @JsonPropertyDescription("Ready, NearFull.") @Nullable
        List<Condition> conditions) {}
