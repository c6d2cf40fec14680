package storage.cairn.engine.port;

import java.util.UUID;

/** The identity of a volume, never used again after its deletion. */
public record VolumeId(UUID uuid) implements Comparable<VolumeId> {
    public static VolumeId of(String text) {
        return new VolumeId(UUID.fromString(text));
    }

    @Override
    public int compareTo(VolumeId other) {
        return uuid.compareTo(other.uuid);
    }

    @Override
    public String toString() {
        return uuid.toString();
    }
}
