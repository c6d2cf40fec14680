package storage.cairn.engine.store;

import java.util.Collection;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/** The replicas of one disk, once it is open. On the disk's loop only. */
public interface ReplicaStore {
    DiskId disk();

    Collection<? extends Replica> replicas();

    @Nullable
    Replica replica(VolumeId volume);

    /**
     * Makes an empty replica, durable when done. OK also when there is one with that very configuration; CONFLICT
     * when there is another, NO_SPACE when the disk has no room for its first pages.
     */
    void create(Configuration configuration, Replica.Done done, long tag);

    /** Erases a replica for good. OK also when there is none. Whoever calls has proved that it may (I28). */
    void delete(VolumeId volume, Replica.Done done, long tag);

    /** Whether the disk was cleanly closed, with no lease granted, before it was opened now. */
    boolean closedClean();

    /** Why the disk takes part in nothing any more, or null while it is healthy. */
    @Nullable
    String failure();

    /** Space for data in slots of 4 KiB: in all. */
    long capacitySlots();

    /** Slots neither mapped, nor reserved, nor waiting to be freed. */
    long freeSlots();

    /**
     * Drains, checkpoints and marks the disk cleanly closed, unless {@code grantsOutstanding}: then only drains and
     * checkpoints. Operations after this call end with DISK_FAILED.
     */
    void close(boolean grantsOutstanding, Replica.Done done, long tag);
}
