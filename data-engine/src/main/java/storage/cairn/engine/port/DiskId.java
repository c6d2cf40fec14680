package storage.cairn.engine.port;

import java.util.UUID;

/**
 * The identity of a disk, from its label. A replica is named by its disk: a disk holds at most one replica of a
 * volume, and keeps its name wherever it is plugged in.
 */
public record DiskId(UUID uuid) implements Comparable<DiskId> {
    public static DiskId of(String text) {
        return new DiskId(UUID.fromString(text));
    }

    @Override
    public int compareTo(DiskId other) {
        return uuid.compareTo(other.uuid);
    }

    @Override
    public String toString() {
        return uuid.toString();
    }
}
