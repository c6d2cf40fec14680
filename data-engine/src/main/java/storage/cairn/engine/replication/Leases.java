package storage.cairn.engine.replication;

import java.util.HashMap;
import java.util.Map;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.protocol.Grant;

/**
 * The leases that this node, as an owner, holds from disks: for each disk the time of <em>sending</em> the last renewal
 * that its node granted. A member's lease follows from it, see {@link MemberLease}.
 */
final class Leases {
    private final long ttlNanos;
    private final Map<DiskId, DiskGrant> disks = new HashMap<>();

    Leases(long ttlMillis) {
        this.ttlNanos = NodeContext.nanos(ttlMillis);
    }

    /** The grants of one disk in one stay at one node. */
    static final class DiskGrant {
        private long grantId;
        private long sentNanos;
        /** When the first grant of those came that followed each other before the one before had run out. */
        private long unbrokenFromNanos;

        private boolean granted;

        private void take(long id, long sent, long nowNanos, long ttlNanos) {
            boolean follows = granted && grantId == id && nowNanos - sentNanos - ttlNanos < 0;
            if (!follows) {
                unbrokenFromNanos = nowNanos;
            }
            grantId = id;
            sentNanos = sent;
            granted = true;
        }
    }

    DiskGrant of(DiskId disk) {
        return disks.computeIfAbsent(disk, unused -> new DiskGrant());
    }

    /** Takes a grant that comes now; its renewal was sent at {@code sentNanos}. Exceptions are to be applied before. */
    void granted(long sentNanos, long nowNanos, Grant grant) {
        if (!grant.renewed()) {
            return;
        }
        for (Grant.Disk disk : grant.disks()) {
            if (disk.failure().isEmpty()) {
                of(new DiskId(disk.disk())).take(disk.grantId(), sentNanos, nowNanos, ttlNanos);
            }
        }
    }

    long ttlNanos() {
        return ttlNanos;
    }

    /** The lease of one member of one volume: what its EPOCH_SET gave, renewed with its disk. */
    static final class MemberLease {
        private final long ttlNanos;
        private final DiskGrant disk;
        private long grantId;
        private long ackedNanos;
        private long ownUntilNanos;
        private long epoch;
        private boolean held;
        private boolean frozen;

        MemberLease(Leases leases, DiskId disk) {
            this.ttlNanos = leases.ttlNanos;
            this.disk = leases.of(disk);
        }

        /** EPOCH_SET of {@code epoch}, sent at {@code sentNanos}, was answered now by the disk's stay {@code grantId}. */
        void epochSet(long epoch, long sentNanos, long nowNanos, long grantId) {
            boolean same = held && !frozen && this.grantId == grantId;
            if (!same) {
                ackedNanos = nowNanos;
            }
            this.grantId = grantId;
            this.epoch = epoch;
            ownUntilNanos = sentNanos + ttlNanos;
            held = true;
            frozen = false;
        }

        /** An exception was told: grants of {@code upToEpoch} and older are not renewed any more. */
        void except(long upToEpoch) {
            if (held && !frozen && epoch <= upToEpoch) {
                ownUntilNanos = untilNanos();
                frozen = true;
            }
        }

        /** The ownership ended or begins anew. */
        void drop() {
            held = false;
            frozen = false;
        }

        boolean heldAt(long nowNanos) {
            return held && untilNanos() - nowNanos > 0;
        }

        /** Until when it may be relied upon; only while it is held. */
        long untilNanos() {
            // One that ran out is not brought back by its disk: meanwhile the disk may have let in another owner, and
            // it
            // tells of that only those whose grants were live. EPOCH_SET finds out.
            boolean ranOut = disk.unbrokenFromNanos - ownUntilNanos >= 0;
            if (frozen || ranOut || !disk.granted || disk.grantId != grantId || disk.sentNanos - ackedNanos < 0) {
                return ownUntilNanos;
            }
            return Math.max(ownUntilNanos, disk.sentNanos + ttlNanos);
        }

        boolean frozen() {
            return frozen;
        }
    }
}
