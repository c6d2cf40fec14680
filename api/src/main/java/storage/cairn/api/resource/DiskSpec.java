package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.crd.generator.annotation.SelectableField;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Size;
import io.fabric8.generator.annotation.ValidationRule;
import org.jspecify.annotations.Nullable;

/** What somebody wants of a disk. */
@ValidationRule(
        value = "!has(oldSelf.pool) || (has(self.pool) && self.pool == oldSelf.pool)",
        message = "a disk stays in its pool: evacuate it, delete the Disk and let it be found again",
        fieldPath = ".pool")
public record DiskSpec(
        @JsonPropertyDescription("Pool that it is in; without one it serves no replica.")
        @PrinterColumn(name = "POOL")
        @SelectableField
        @Size(min = 1, max = 253)
        @Nullable
        String pool,

        @JsonPropertyDescription("Whether its replicas leave it.") @Default("false") @Nullable
        Boolean evacuate) {}
