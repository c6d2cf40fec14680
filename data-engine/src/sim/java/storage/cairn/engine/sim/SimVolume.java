package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/** A volume of a {@link World}, as its users know it: from its creation to its deletion. */
final class SimVolume {
    static final long NEVER = Long.MAX_VALUE;

    final String name;
    final int replicas;
    final int minInSync;
    final History history;
    /** Incarnation of the last owner by the configuration store's word that acked a write; null: none yet. */
    @Nullable
    UUID ackedBy;
    /** The largest size that a host was told. */
    long sizeSeen;

    private final int firstBlocks;
    /** In the order in which they were made, and when each first served a host. */
    private final List<Attachment> attachments = new ArrayList<>();

    private List<DiskId> wish = List.of();
    private @Nullable Configuration known;
    private long deletedNanos = NEVER;

    SimVolume(String name, Shape.OfVolume shape) {
        this.name = name;
        this.firstBlocks = shape.blocks();
        this.replicas = shape.replicas();
        this.minInSync = shape.minInSync();
        this.history = new History(name);
    }

    /** Its size when it was made. */
    int firstBlocks() {
        return firstBlocks;
    }

    /** Its size by the configuration that its users know. */
    int blocks() {
        return known == null ? firstBlocks : (int) (known.sizeBytes() / BlockDevice.BLOCK_BYTES);
    }

    void served(Configuration configuration) {
        known = configuration;
    }

    boolean isServed() {
        return known != null && known.attachId() != null && !deleted();
    }

    /** Whether any host ever had to do with it. */
    boolean wasServed() {
        return known != null;
    }

    Configuration known() {
        return Objects.requireNonNull(known);
    }

    VolumeId id() {
        return known().volume();
    }

    String export() {
        return name + "/" + known().attachId();
    }

    /** The disks that its replicas are wanted on; empty: it may stay where it is. */
    List<DiskId> wish() {
        return wish;
    }

    void wish(List<DiskId> disks) {
        wish = List.copyOf(disks);
    }

    void deletedAt(long nanos) {
        deletedNanos = nanos;
    }

    boolean deleted() {
        return deletedNanos != NEVER;
    }

    long deletedNanos() {
        return deletedNanos;
    }

    /** The export of that attachId, and its place among all that the volume had. */
    Attachment attachment(UUID attachId) {
        for (Attachment each : attachments) {
            if (each.id.equals(attachId)) {
                return each;
            }
        }
        Attachment fresh = new Attachment(attachId, attachments.size());
        attachments.add(fresh);
        return fresh;
    }

    /** When an export that came after {@code older} first served a host; {@link #NEVER} when none has. */
    long supersededNanos(Attachment older) {
        long earliest = NEVER;
        for (Attachment each : attachments.subList(older.number + 1, attachments.size())) {
            earliest = Math.min(earliest, each.servedNanos);
        }
        return earliest;
    }

    /** One export of the volume. */
    static final class Attachment {
        final UUID id;
        final int number;
        long servedNanos = NEVER;

        Attachment(UUID id, int number) {
            this.id = id;
            this.number = number;
        }
    }
}
