package storage.cairn.engine.protocol;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import storage.cairn.engine.port.Network.BadFrameException;

/**
 * The answer to a RENEW: the leases of all volumes whose owner asked are renewed, but for the exceptions; and which
 * disks the node has.
 *
 * @param sequence rises with each grant of this session; the next RENEW tells the highest one seen
 * @param renewed false: no lease is renewed this time, there are too many exceptions to tell at once
 */
public record Grant(long sequence, boolean renewed, List<Disk> disks, List<Exception> exceptions) {
    public static final int MAX_DISKS = 64;
    public static final int MAX_EXCEPTIONS = 3_000;

    public Grant {
        disks = List.copyOf(disks);
        exceptions = List.copyOf(exceptions);
    }

    /**
     * @param grantId as in {@link ReplicaReport#grantId}
     * @param failure empty while the disk is healthy; only then it is covered by the grant
     */
    public record Disk(UUID disk, long grantId, long capacitySlots, long freeSlots, int replicas, String failure) {}

    /** Grants for this volume by this disk, of this epoch or an older one, are not renewed any more. */
    public record Exception(UUID volume, UUID disk, long epoch) {}

    public FrameWriter write(FrameWriter out, long tag) {
        out.begin(FrameType.GRANT, tag).u64(sequence).flag(renewed).u32(disks.size());
        for (Disk disk : disks) {
            out.id(disk.disk)
                    .u64(disk.grantId)
                    .u64(disk.capacitySlots)
                    .u64(disk.freeSlots)
                    .u32(disk.replicas)
                    .text(disk.failure);
        }
        out.u32(exceptions.size());
        for (Exception exception : exceptions) {
            out.id(exception.volume).id(exception.disk).u64(exception.epoch);
        }
        return out;
    }

    public static Grant read(FrameReader in) throws BadFrameException {
        long sequence = in.natural();
        boolean renewed = in.flag();
        List<Disk> disks = new ArrayList<>();
        for (int left = in.count(MAX_DISKS); left > 0; left--) {
            disks.add(new Disk(in.id(), in.u64(), in.natural(), in.natural(), in.count(1 << 20), in.text()));
        }
        List<Exception> exceptions = new ArrayList<>();
        for (int left = in.count(MAX_EXCEPTIONS); left > 0; left--) {
            exceptions.add(new Exception(in.id(), in.id(), in.natural()));
        }
        in.end();
        return new Grant(sequence, renewed, disks, exceptions);
    }
}
