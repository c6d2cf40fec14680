package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.crd.generator.annotation.SelectableField;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.api.model.Quantity;
import org.jspecify.annotations.Nullable;

/** What somebody wants of a volume. */
@ValidationRule(
        value = "self.id == oldSelf.id",
        message = "id is the volume's identity and cannot be changed",
        fieldPath = ".id")
@ValidationRule(
        value = "self.pool == oldSelf.pool",
        message = "pool cannot be changed: copy the data to a volume in the other pool",
        fieldPath = ".pool")
@ValidationRule(
        value = "has(self.source) == has(oldSelf.source) && (!has(self.source) || self.source == oldSelf.source)",
        message = "source says where the first content came from and cannot be changed",
        fieldPath = ".source")
@ValidationRule(
        value = "isQuantity(string(self.size)) && quantity(string(self.size)).isInteger()"
                + " && quantity(string(self.size)).asInteger() >= " + Api.MIN_VOLUME_BYTES
                + " && quantity(string(self.size)).asInteger() <= " + Api.MAX_VOLUME_BYTES
                + " && quantity(string(self.size)).asInteger() % 4096 == 0",
        message = "size is not a multiple of 4 KiB from 1Mi to 240Ti, such as 10Gi",
        fieldPath = ".size")
@ValidationRule(
        value = "!isQuantity(string(self.size)) || !isQuantity(string(oldSelf.size))"
                + " || quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0",
        message = "a volume can grow and never shrink: copy the data to a smaller volume",
        fieldPath = ".size")
@ValidationRule(
        value = "!has(self.minInSync) || self.minInSync <= self.replicas",
        message = "minInSync is more than replicas: such a volume could never be written",
        fieldPath = ".minInSync")
@ValidationRule(
        value = "!has(self.deleteRequest) || self.deleteRequest == self.id",
        message = "deleteRequest erases the data and must repeat the volume's id: use 'cairn volume delete'",
        fieldPath = ".deleteRequest")
public record VolumeSpec(
        @JsonPropertyDescription("Identity of the volume, made once by whoever creates it.")
        @Required
        @Pattern(Api.UUID_PATTERN)
        @SelectableField
        String id,

        @JsonPropertyDescription("Size, a multiple of 4 KiB from 1Mi to 240Ti. It may grow.")
        @PrinterColumn(name = "SIZE")
        @Required
        Quantity size,

        @JsonPropertyDescription("Pool whose disks hold it.")
        @PrinterColumn(name = "POOL")
        @Required
        @SelectableField
        @Size(min = 1, max = 253)
        String pool,

        @JsonPropertyDescription("Copies of the data.") @PrinterColumn(name = "REPLICAS") @Required @Min(1) @Max(5)
        int replicas,

        @JsonPropertyDescription(
                "Fewest copies that a write must reach; half of the replicas, rounded up, when not given.")
        @Min(1)
        @Max(5)
        @Nullable
        Integer minInSync,

        @JsonPropertyDescription("Whether pods run where a replica is: never minded, if possible, or always.")
        @Default("preferred")
        @Nullable
        Locality locality,

        @JsonPropertyDescription("What no two replicas share; as the pool says when not given.") @Nullable
        Spread spread,

        @JsonPropertyDescription("What it began as; empty when not given.") @Nullable
        Source source,

        @JsonPropertyDescription("The volume's id, when its data is to be erased. Take it away while the volume can"
                + " still be restored, and it is.")
        @Size(max = 36)
        @Nullable
        String deleteRequest,

        @JsonPropertyDescription("Node that gets a replica if it has room when the volume is placed.")
        @Size(min = 1, max = 253)
        @Nullable
        String preferredNode,

        @JsonPropertyDescription("How long it can be restored after a deleteRequest; a day when not given.")
        @Min(0)
        @Max(31_536_000)
        @Nullable
        Integer restoreWindowSeconds) {

    /** The same with another size. */
    public VolumeSpec withSize(Quantity other) {
        return new VolumeSpec(
                id,
                other,
                pool,
                replicas,
                minInSync,
                locality,
                spread,
                source,
                deleteRequest,
                preferredNode,
                restoreWindowSeconds);
    }

    /** The same with another deleteRequest. */
    public VolumeSpec withDeleteRequest(@Nullable String other) {
        return new VolumeSpec(
                id,
                size,
                pool,
                replicas,
                minInSync,
                locality,
                spread,
                source,
                other,
                preferredNode,
                restoreWindowSeconds);
    }

    /** Whether pods run where a replica is. */
    public enum Locality {
        @JsonProperty("none")
        NONE,
        @JsonProperty("preferred")
        PREFERRED,
        @JsonProperty("required")
        REQUIRED
    }

    /** Another volume whose content a volume begins with. */
    public record Source(
            @JsonPropertyDescription("Name of the volume that was copied.") @Required @Size(min = 1, max = 63)
            String volume) {}
}
