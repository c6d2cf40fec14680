package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import org.jspecify.annotations.Nullable;

/** What somebody wants of a node. */
@ValidationRule(
        value = "self.number == oldSelf.number",
        message = "number names the node in the memberships of volumes and cannot be changed",
        fieldPath = ".number")
public record StorageNodeSpec(
        @JsonPropertyDescription("Number of the node in the memberships of volumes, given once and never again.")
        @PrinterColumn(name = "NUMBER", priority = 1)
        @Required
        @Min(1)
        @Max(1023)
        int number,

        @JsonPropertyDescription("Whether new replicas may be placed there.") @Default("true") @Nullable
        Boolean schedulable,

        @JsonPropertyDescription("Whether its replicas and owners leave it.") @Default("false") @Nullable
        Boolean evacuate,

        @JsonPropertyDescription("Somebody works on the node: its replicas are not replaced until then.") @Nullable
        Maintenance maintenance) {

    /** Somebody works on the node. */
    public record Maintenance(
            @JsonPropertyDescription("When the replicas are replaced after all, for instance 2026-12-31T22:00:00Z.")
            @Required
            @ValidationRule(
                    value = "self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$')",
                    message = "not a moment in UTC such as 2026-12-31T22:00:00Z")
            @Size(max = 32)
            String until,

            @JsonPropertyDescription("Why, for people.") @Size(max = 255) @Nullable
            String reason) {}
}
