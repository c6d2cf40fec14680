package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import org.jspecify.annotations.Nullable;

/** Space of one disk or of many, in bytes. */
public record Capacity(
        @JsonPropertyDescription("Bytes of the disks.") @Nullable
        Long rawBytes,

        @JsonPropertyDescription("Bytes that replicas may take: raw less what Cairn keeps for itself.") @Nullable
        Long usableBytes,

        @JsonPropertyDescription("Bytes that replicas take now.") @Nullable
        Long usedBytes,

        @JsonPropertyDescription("Bytes that volumes were promised, all replicas together.") @Nullable
        Long provisionedBytes) {}
