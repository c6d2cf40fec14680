package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One value of the register. Each change is made at random changeId and raises epoch by one; storeTerm is raised when
 * the value had to be recovered from disks, and then any epoch may follow.
 *
 * @param voided nothing was ever recorded of this volume, and never can be: its creator gave up or died, and somebody
 *     else took its name
 */
@ValidationRule(
        value = "size(self.inSync) >= self.minInSync",
        message = "fewer replicas in sync than minInSync",
        fieldPath = ".inSync")
@ValidationRule(
        value = "size(self.inSync) + size(self.syncing) + size(self.outOfSync) <= 5",
        message = "more than 5 replicas")
@ValidationRule(
        value = "self.inSync.all(d, self.inSync.exists_one(e, e == d) && !self.syncing.exists(s, s.disk == d)"
                + " && !self.outOfSync.exists(s, s.disk == d))"
                + " && self.syncing.all(s, self.syncing.exists_one(t, t.disk == s.disk)"
                + " && !self.outOfSync.exists(t, t.disk == s.disk))"
                + " && self.outOfSync.all(s, self.outOfSync.exists_one(t, t.disk == s.disk))",
        message = "a disk is named twice")
@ValidationRule(value = "self.sizeBytes % 4096 == 0", message = "not a multiple of 4096", fieldPath = ".sizeBytes")
@ValidationRule(value = "!self.void || self.deleted", message = "what never was is deleted too", fieldPath = ".void")
@ValidationRule(
        value = "self.changeId == oldSelf.changeId ? self == oldSelf"
                + " : self.storeTerm == oldSelf.storeTerm ? self.epoch == oldSelf.epoch + 1"
                + " : self.storeTerm > oldSelf.storeTerm",
        message = "every change has a changeId of its own and raises epoch by one, or storeTerm",
        fieldPath = ".epoch")
@ValidationRule(value = "self.name == oldSelf.name", message = "a volume cannot be renamed", fieldPath = ".name")
@ValidationRule(
        value = "self.sizeBytes >= oldSelf.sizeBytes",
        message = "a volume never shrinks",
        fieldPath = ".sizeBytes")
@ValidationRule(
        value = "!oldSelf.deleted || self.deleted",
        message = "a tombstone stays one: its replicas may be erased already",
        fieldPath = ".deleted")
@ValidationRule(value = "self.void == oldSelf.void", message = "void cannot be changed", fieldPath = ".void")
public record VolumeMembershipSpec(
        @JsonPropertyDescription("Name of the volume.")
        @PrinterColumn(name = "VOLUME")
        @Required
        @Pattern(Api.VOLUME_NAME_PATTERN)
        String name,

        @JsonPropertyDescription("Raised when the value was recovered from disks after the store was rolled back.")
        @PrinterColumn(name = "TERM", priority = 1)
        @Required
        @Min(1)
        @Max(Integer.MAX_VALUE)
        int storeTerm,

        @JsonPropertyDescription("Raised by one with every change.") @PrinterColumn(name = "EPOCH") @Required @Min(1)
        long epoch,

        @JsonPropertyDescription("Made at random for each attempted change, so that its author recognises it.")
        @Required
        @Pattern(Api.UUID_PATTERN)
        String changeId,

        @JsonPropertyDescription("Who may serve the volume in this epoch; nobody when not given.") @Nullable
        Owner owner,

        @JsonPropertyDescription("Disks that hold every acked write.") @Required @Size(min = 1, max = 5)
        List<@Pattern(Api.UUID_PATTERN) String> inSync,

        @JsonPropertyDescription("Disks that get every new write and lack some older ones.") @Required @Size(max = 4)
        List<Stale> syncing,

        @JsonPropertyDescription("Disks that get nothing.") @Required @Size(max = 4)
        List<Stale> outOfSync,

        @JsonPropertyDescription("Fewest disks in sync that may ack a write.") @Required @Min(1) @Max(5)
        int minInSync,

        @JsonPropertyDescription("Size that the host sees.") @Required @Min(4096)
        long sizeBytes,

        @JsonPropertyDescription("Names the one export that may be served; none when not given.")
        @Pattern(Api.UUID_PATTERN)
        @Nullable
        String attachId,

        @JsonPropertyDescription("Whether somebody made a filesystem on it.") @Required
        boolean formatted,

        @JsonPropertyDescription("Tombstone: the volume is gone and its replicas may be erased.")
        @PrinterColumn(name = "DELETED")
        @Required
        boolean deleted,

        @JsonPropertyDescription("The volume never was and never will be; its replicas, if there are any, are kept.")
        @JsonProperty("void")
        @Required
        boolean voided) {

    /** Who may serve the volume. */
    public record Owner(
            @JsonPropertyDescription("Number of the node.") @PrinterColumn(name = "OWNER") @Required @Min(1) @Max(1023)
            int node,

            @JsonPropertyDescription("Made at random by each start of ownership.") @Required @Pattern(Api.UUID_PATTERN)
            String incarnation) {}

    /** A replica that lacks writes. */
    @JsonInclude(JsonInclude.Include.ALWAYS)
    public record Stale(
            @JsonPropertyDescription("The disk.") @Required @Pattern(Api.UUID_PATTERN)
            String disk,

            @JsonPropertyDescription("It holds every acked write up to this one; 0: nothing can be said.")
            @Required
            @Min(0)
            long sinceSeq) {}
}
