package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.generator.annotation.Required;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a volume is. Conditions: Placed (its replicas have disks; else NoSpace, NoPool or NotPlaced), Available (it can be
 * read and written), Healthy (all its replicas are in sync), Grown (it has the size that was asked for),
 * HasRoom (none of its replicas is on a full disk), and DeletionRefused.
 */
public record VolumeStatus(
        @JsonPropertyDescription("In one word.") @PrinterColumn(name = "PHASE") @Nullable
        Phase phase,

        @JsonPropertyDescription("Why, in words, and what to do about it.")
        @PrinterColumn(name = "WHY", priority = 1)
        @Nullable
        String reason,

        @JsonPropertyDescription("Node that serves it; none when it is not attached.")
        @PrinterColumn(name = "OWNER")
        @Nullable
        String owner,

        @JsonPropertyDescription("Where the copies are.") @Nullable
        List<Replica> replicas,

        @JsonPropertyDescription("Size that its user sees, in bytes.") @Nullable
        Long sizeBytes,

        @JsonPropertyDescription("Bytes that it takes on the disk that has most of it.") @Nullable
        Long usedBytes,

        @JsonPropertyDescription("Until when a deleted volume can be restored.") @Nullable
        String restorableUntil,

        @JsonPropertyDescription("Generation of the spec that this tells of.") @Nullable
        Long observedGeneration,

        @JsonPropertyDescription("Placed, Available, Healthy, Grown, HasRoom, DeletionRefused.") @Nullable
        List<Condition> conditions) {

    /** In one word. */
    public enum Phase {
        @JsonProperty("Creating")
        CREATING,
        @JsonProperty("Ready")
        READY,
        @JsonProperty("Degraded")
        DEGRADED,
        @JsonProperty("Unavailable")
        UNAVAILABLE,
        @JsonProperty("Deleting")
        DELETING
    }

    /** One copy. */
    public record Replica(
            @JsonPropertyDescription("Disk that holds it.") @Required
            String disk,

            @JsonPropertyDescription("Node that the disk was last seen on.") @Nullable
            String node,

            @JsonPropertyDescription("Whether it has every acked write.") @Required
            State state) {}

    /** Whether a copy has every acked write. */
    public enum State {
        @JsonProperty("inSync")
        IN_SYNC,
        @JsonProperty("syncing")
        SYNCING,
        @JsonProperty("outOfSync")
        OUT_OF_SYNC
    }
}
