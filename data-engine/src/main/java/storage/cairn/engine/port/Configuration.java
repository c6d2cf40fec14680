package storage.cairn.engine.port;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The membership of one volume: the value that the {@link ConfigStore} holds, that each change replaces by one
 * compare-and-set, and that each replica persists.
 *
 * @param volume the volume
 * @param name its name for people, unique in the cluster, 1 to 63 of [a-z0-9-]
 * @param storeTerm raised when a store was rolled back and the configuration was recovered from disks; from 1
 * @param epoch raised by one with every accepted change; from 1
 * @param changeId made at random for each attempted change, so that its author recognises it when it reads it back
 * @param owner who may serve the volume in this epoch, or null before the first attach and after a release
 * @param inSync replicas that hold every acked write; never empty, never fewer than minInSync
 * @param syncing replicas being rebuilt: they get every new write and lack some older ones
 * @param outOfSync replicas that get nothing
 * @param minInSync fewest in-sync replicas that may ack, 1 to the number of replicas
 * @param sizeBytes size that the host sees, a multiple of 4,096
 * @param attachId names the one export that may be served; null when there is none
 * @param formatted whether somebody made a filesystem on it
 * @param deleted tombstone: the volume is gone and its replicas may erase it
 */
public record Configuration(
        VolumeId volume,
        String name,
        int storeTerm,
        long epoch,
        UUID changeId,
        @Nullable Owner owner,
        List<DiskId> inSync,
        List<Stale> syncing,
        List<Stale> outOfSync,
        int minInSync,
        long sizeBytes,
        @Nullable UUID attachId,
        boolean formatted,
        boolean deleted) {

    /** The most replicas a volume can have, of all three kinds together. */
    public static final int MAX_REPLICAS = 5;

    /** The longest name in UTF-8 that a disk can hold. */
    public static final int MAX_NAME_BYTES = 63;

    /** The last epoch: a disk's records hold it in 32 bits. At one change a second it is reached after 136 years. */
    public static final long MAX_EPOCH = 0xffff_ffffL;

    public Configuration {
        inSync = List.copyOf(inSync);
        syncing = List.copyOf(syncing);
        outOfSync = List.copyOf(outOfSync);
        if (inSync.isEmpty() || minInSync < 1 || inSync.size() < minInSync) {
            throw new IllegalArgumentException(
                    "volume " + name + ": " + inSync.size() + " in-sync replicas, at least " + minInSync + " needed");
        }
        if (inSync.size() + syncing.size() + outOfSync.size() > MAX_REPLICAS) {
            throw new IllegalArgumentException("volume " + name + ": more than " + MAX_REPLICAS + " replicas");
        }
        if (epoch < 1
                || epoch > MAX_EPOCH
                || storeTerm < 1
                || sizeBytes <= 0
                || sizeBytes % BlockDevice.BLOCK_BYTES != 0) {
            throw new IllegalArgumentException("volume " + name + ": bad epoch, term or size");
        }
    }

    /**
     * @param node number of the node, from 1
     * @param incarnation made at random by each start of ownership
     */
    public record Owner(int node, UUID incarnation) {}

    /**
     * @param replica a replica that lacks writes
     * @param sinceSeq it holds every acked write up to this wseq; 0: nothing can be said
     */
    public record Stale(DiskId replica, long sinceSeq) {}

    /** Every replica: in sync, being rebuilt, and out of sync. */
    public List<DiskId> replicas() {
        List<DiskId> all = new ArrayList<>(inSync);
        syncing.forEach(stale -> all.add(stale.replica()));
        outOfSync.forEach(stale -> all.add(stale.replica()));
        return all;
    }

    /** Whether this one is later than {@code other}: first by storeTerm, then by epoch. */
    public boolean newerThan(Configuration other) {
        return storeTerm != other.storeTerm ? storeTerm > other.storeTerm : epoch > other.epoch;
    }

    /**
     * Whether {@code read}, which the configuration store gave, cannot follow from this accepted one: the store forgot
     * changes, and perhaps accepted others in their place.
     */
    public boolean provesRollBackOf(Configuration read) {
        boolean otherHistory = storeTerm == read.storeTerm && epoch == read.epoch && !changeId.equals(read.changeId);
        return newerThan(read) || otherHistory;
    }

    /** 1 of 1, 1 of 2, 2 of 3, 2 of 4, 3 of 5. */
    public static int defaultMinInSync(int replicas) {
        return (replicas + 1) / 2;
    }
}
