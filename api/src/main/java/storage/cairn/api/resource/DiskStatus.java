package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.crd.generator.annotation.SelectableField;
import io.fabric8.generator.annotation.Required;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a disk is, as the engine reports that holds it. Conditions: Ready, HasRoom, Evacuated. */
public record DiskStatus(
        @JsonPropertyDescription("In one word.") @PrinterColumn(name = "STATE") @Nullable
        State state,

        @JsonPropertyDescription("Why, in words, and what to do about it.")
        @PrinterColumn(name = "WHY", priority = 1)
        @Nullable
        String reason,

        @JsonPropertyDescription("Node that it was last seen on.")
        @PrinterColumn(name = "NODE")
        @SelectableField
        @Nullable
        String node,

        @JsonPropertyDescription("Its path there, by identity.") @PrinterColumn(name = "PATH", priority = 1) @Nullable
        String path,

        @JsonPropertyDescription("The one engine that may serve it.") @Nullable
        Holder holder,

        @JsonPropertyDescription("Its space.") @Nullable Capacity capacity,

        @JsonPropertyDescription("What it is made of.") @PrinterColumn(name = "MEDIA") @Nullable
        Media media,

        @JsonPropertyDescription("Model, as it says itself.") @Nullable
        String model,

        @JsonPropertyDescription("Serial number, as it says itself.") @Nullable
        String serial,

        @JsonPropertyDescription("Whether its cache must be flushed for a write to last.") @Nullable
        Durability durability,

        @JsonPropertyDescription("How it is read and written: io_uring or pool.") @Nullable
        String ioMode,

        @JsonPropertyDescription("Life that is used up, in percent, if it tells.") @Nullable
        Integer wearPercent,

        @JsonPropertyDescription("Reads and writes that failed since it was formatted.") @Nullable
        Long ioErrors,

        @JsonPropertyDescription("Blocks whose checksum did not match since it was formatted.") @Nullable
        Long checksumErrors,

        @JsonPropertyDescription("Replicas on it.") @PrinterColumn(name = "REPLICAS") @Nullable
        Integer replicas,

        @JsonPropertyDescription("Generation of the spec that this tells of.") @Nullable
        Long observedGeneration,

        @JsonPropertyDescription("Ready, HasRoom, Evacuated.") @Nullable
        List<Condition> conditions) {

    /** In one word. */
    public enum State {
        @JsonProperty("Discovered")
        DISCOVERED,
        @JsonProperty("Ready")
        READY,
        @JsonProperty("Draining")
        DRAINING,
        @JsonProperty("Failed")
        FAILED
    }

    /** Whether a write is durable once it is answered, or only after a flush. */
    public enum Durability {
        @JsonProperty("writeThrough")
        WRITE_THROUGH,
        @JsonProperty("writeBack")
        WRITE_BACK
    }

    /** The one engine that may serve a disk: a second disk of the same label, a clone, finds it taken. */
    public record Holder(
            @JsonPropertyDescription("Name of its node.") @Required
            String node,

            @JsonPropertyDescription("Identity of that machine's boot.") @Required
            String bootId) {}
}
