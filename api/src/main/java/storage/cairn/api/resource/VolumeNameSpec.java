package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Required;

/** Which volume has a name. */
public record VolumeNameSpec(
        @JsonPropertyDescription("Id of the volume.")
        @PrinterColumn(name = "VOLUME")
        @Required
        @Pattern(Api.UUID_PATTERN)
        String volume) {}
