package storage.cairn.replicamanager;

import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.replicamanager.Cluster.DiskState;

/** How much of disks is taken, by what their pool calls full. */
final class Fullness {
    private static final int USUAL_NEAR_FULL_PERCENT = 75;
    private static final int USUAL_FULL_PERCENT = 85;
    private static final int HUNDRED = 100;

    private final Cluster cluster;

    Fullness(Cluster cluster) {
        this.cluster = cluster;
    }

    /** Whether a disk gets no new replicas, and gives up those that another one has room for. */
    boolean isFull(DiskState disk) {
        return disk.usedBytes() >= fullBytes(disk);
    }

    /** Whether so much of it is taken that somebody had better add disks. */
    boolean isNearFull(DiskState disk) {
        StoragePoolSpec pool = cluster.pools().get(disk.pool());
        return disk.usedBytes() >= percent(disk, pool == null ? null : pool.nearFullPercent(), USUAL_NEAR_FULL_PERCENT);
    }

    /** Bytes of a disk at which it is full. */
    long fullBytes(DiskState disk) {
        StoragePoolSpec pool = cluster.pools().get(disk.pool());
        return percent(disk, pool == null ? null : pool.fullPercent(), USUAL_FULL_PERCENT);
    }

    private static long percent(DiskState disk, @Nullable Integer percent, int usual) {
        return disk.usableBytes() / HUNDRED * (percent == null ? usual : percent);
    }
}
