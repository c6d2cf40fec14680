package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.crd.generator.annotation.PrinterColumn;
import io.fabric8.kubernetes.api.model.Condition;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How a node is, as its engine reports. Conditions: Ready, Schedulable, Evacuated. */
public record StorageNodeStatus(
        @JsonPropertyDescription("Version of the engine.") @PrinterColumn(name = "VERSION") @Nullable
        String version,

        @JsonPropertyDescription("Identity of the machine's present boot.") @Nullable
        String bootId,

        @JsonPropertyDescription("Where other engines reach this one, as host:port.") @Nullable
        String address,

        @JsonPropertyDescription("How disks are read and written: io_uring or pool.")
        @PrinterColumn(name = "IO")
        @Nullable
        String ioMode,

        @JsonPropertyDescription("Why it is that one.") @Nullable
        String ioReason,

        @JsonPropertyDescription("How volumes become devices on this node.") @PrinterColumn(name = "ATTACH") @Nullable
        String attachStrategy,

        @JsonPropertyDescription("Why it is that one.") @Nullable
        String attachReason,

        @JsonPropertyDescription("Disks of this node that are in a pool.") @PrinterColumn(name = "DISKS") @Nullable
        Integer disks,

        @JsonPropertyDescription("Replicas on them.") @PrinterColumn(name = "REPLICAS") @Nullable
        Integer replicas,

        @JsonPropertyDescription("Volumes that this node serves.") @PrinterColumn(name = "OWNED") @Nullable
        Integer owned,

        @JsonPropertyDescription("Space of its disks.") @Nullable
        Capacity capacity,

        @JsonPropertyDescription("Volumes that hosts use on this node, or used lately: the busiest.") @Nullable
        List<Traffic> traffic,

        @JsonPropertyDescription("Generation of the spec that this tells of.") @Nullable
        Long observedGeneration,

        @JsonPropertyDescription("Ready, Schedulable, Evacuated.") @Nullable
        List<Condition> conditions) {

    /** How much a volume is used. */
    public record Traffic(
            @JsonPropertyDescription("Id of the volume.") String volume,

            @JsonPropertyDescription("Bytes that its host read since this node serves it.")
            long readBytes,

            @JsonPropertyDescription("Bytes of those that came from replicas of other nodes.")
            long remoteReadBytes,

            @JsonPropertyDescription("Bytes that its host wrote.")
            long writeBytes,

            @JsonPropertyDescription(
                    "Bytes read and written per second, about the last ten minutes, as a power of two.")
            long bytesPerSecond) {}
}
