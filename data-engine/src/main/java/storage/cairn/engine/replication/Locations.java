package storage.cairn.engine.replication;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Hello;

/** Where the cluster's disks are now, and the ways to them. */
interface Locations {
    /** A way to the replica that {@code hello} names, not open yet; null when nobody ever announced the disk, or it failed. */
    @Nullable
    ReplicaLink linkTo(DiskId disk, Hello hello, ReplicaLink.Events events);

    /** Whether the disk is served on this very node, and has no replica of the volume. */
    boolean lacks(DiskId disk, VolumeId volume);

    /** Why {@link #linkTo} gives none. */
    String whyAbsent(DiskId disk);

    /** Node where the disk is, 0 when that is not known. */
    int nodeOf(DiskId disk);

    /** Whether the disk is announced, and healthy. */
    boolean usable(DiskId disk);

    Leases leases();
}
