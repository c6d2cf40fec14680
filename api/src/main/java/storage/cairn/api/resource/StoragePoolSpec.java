package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.LabelSelector;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which disks a pool has, and what its volumes have that say nothing else. */
@ValidationRule(
        value = "!has(self.minInSync) || self.minInSync <= self.replicas",
        message = "minInSync is more than replicas: such a volume could never be written",
        fieldPath = ".minInSync")
@ValidationRule(
        value = "self.nearFullPercent <= self.fullPercent",
        message = "nearFullPercent is more than fullPercent: the warning would come too late",
        fieldPath = ".nearFullPercent")
public record StoragePoolSpec(
        @JsonPropertyDescription("The disks; all that no other pool has when not given. A disk that two pools select"
                + " is in none until that is settled.")
        @Nullable
        Disks disks,

        @JsonPropertyDescription("Copies of each volume that does not say.")
        @PrinterColumn(name = "REPLICAS")
        @Default("3")
        @Min(1)
        @Max(5)
        @Nullable
        Integer replicas,

        @JsonPropertyDescription(
                "Fewest copies that a write must reach; half of the replicas, rounded up, when not given.")
        @Min(1)
        @Max(5)
        @Nullable
        Integer minInSync,

        @JsonPropertyDescription("What no two replicas of a volume share.") @Default("node") @Nullable
        Spread spread,

        @JsonPropertyDescription("How much may be promised, in percent of the usable space.")
        @Default("200")
        @Min(100)
        @Max(2000)
        @Nullable
        Integer overProvisioningPercent,

        @JsonPropertyDescription("A pool filled to this is warned of.") @Default("75") @Min(1) @Max(100) @Nullable
        Integer nearFullPercent,

        @JsonPropertyDescription(
                "A disk filled to this gets no new replica, and gives up those that others have room for.")
        @Default("85")
        @Min(1)
        @Max(100)
        @Nullable
        Integer fullPercent) {

    /** What a disk must have to be in the pool: all that is given. */
    public record Disks(
            @JsonPropertyDescription("Names of its node.") @Size(min = 1, max = 1000) @Nullable
            List<@Size(max = 253) String> nodes,

            @JsonPropertyDescription("Its media.") @Size(min = 1, max = 4) @Nullable
            List<Media> media,

            @JsonPropertyDescription("Labels of its Disk resource.") @Nullable
            LabelSelector selector) {}
}
