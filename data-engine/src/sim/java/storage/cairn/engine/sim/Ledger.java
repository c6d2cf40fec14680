package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.DiskId;

/**
 * Holds every ack against what the disks hold at that moment (I1, I16): on each member of the recorded in-sync set
 * must be what was acked, or what another write put there that did not end before it began.
 */
final class Ledger {
    private static final long LEASE_NANOS = 10_000_000_000L;

    private final World world;
    /** Which start of its node acted under an incarnation. */
    private final Map<UUID, Integer> starts = new HashMap<>();

    private long acks;

    Ledger(World world) {
        this.world = world;
    }

    long acks() {
        return acks;
    }

    void acked(SimVolume volume, SimNode by, HostOp op) {
        acks++;
        if (world.rollBacks.excuses(volume)) {
            return;
        }
        Configuration recorded = world.config.current(volume.id());
        if (recorded == null) {
            throw new Violation("I4", volume.name + " acked a write and is not in the configuration store");
        }
        if (recorded.deleted()) {
            return;
        }
        if (isOwner(recorded, by)) {
            volume.ackedBy = Objects.requireNonNull(recorded.owner()).incarnation();
            checkIncarnation(volume, recorded, by);
        }
        if (recorded.inSync().size() < recorded.minInSync()) {
            throw new Violation("I16", volume.name + " acked a write below minInSync");
        }
        for (DiskId disk : recorded.inSync()) {
            StoreUnderTest store = world.disk(disk);
            if (store == null) {
                throw new Violation("I4", volume.name + " has disk " + disk + " in sync, which nobody has");
            }
            for (History.Pending write : op.writes) {
                check(volume, recorded, store, write, op.small());
            }
        }
    }

    /**
     * Holds the answer to a read against who owns the volume (I5): once a new owner has acked a write, an old one has no
     * lease any more.
     */
    void answeredRead(SimVolume volume, SimNode by) {
        if (world.rollBacks.excuses(volume)) {
            return;
        }
        Configuration recorded = world.config.current(volume.id());
        if (recorded == null || recorded.owner() == null || isOwner(recorded, by)) {
            return;
        }
        if (recorded.owner().incarnation().equals(volume.ackedBy)) {
            throw new Violation(
                    "I5",
                    volume.name + ": node " + by.number() + " answers a read though node "
                            + recorded.owner().node() + " owns it in epoch " + recorded.epoch()
                            + " and has acked a write since");
        }
    }

    /** I4: an owner's incarnation is one process' alone, also when that process comes back in the same place. */
    private void checkIncarnation(SimVolume volume, Configuration recorded, SimNode by) {
        Configuration.Owner owner = Objects.requireNonNull(recorded.owner());
        Integer start = starts.putIfAbsent(owner.incarnation(), by.starts());
        if (start != null && start != by.starts()) {
            throw new Violation(
                    "I4",
                    volume.name + ": two runs of node " + by.number() + " act as owner " + owner.incarnation()
                            + " in epoch " + recorded.epoch());
        }
    }

    /** Holds an accepted change against the disks (I1, I9, I15): each member must have everything acked. */
    void accepted(SimVolume volume, Configuration now) {
        if (world.rollBacks.excuses(volume)) {
            return;
        }
        for (DiskId disk : now.inSync()) {
            StoreUnderTest store = Objects.requireNonNull(world.disk(disk));
            if (store.canPeek()) {
                volume.history.touched(register -> checkMember(volume, now, store, register));
            }
        }
    }

    private static void checkMember(SimVolume volume, Configuration now, StoreUnderTest disk, long register) {
        long block = register / Stamps.SECTORS;
        byte[] held = disk.peek(now.volume(), block);
        if (held == null) {
            return;
        }
        int at = (int) (register % Stamps.SECTORS) * Stamps.SECTOR_BYTES;
        long found = Stamps.glance(ByteBuffer.wrap(held), at);
        if (!volume.history.mayRest(register, found)) {
            throw new Violation(
                            "I9",
                            volume.name + " block " + block + ": disk " + disk.id() + " is in sync in epoch "
                                    + now.epoch() + " and holds " + found + ", after which another write was acked")
                    .about(volume.name, block);
        }
    }

    /** A takeover says that it is over (I9, I10): before anything is served, all members are of one content. */
    void takenOver(SimVolume volume, SimNode by, long epoch) {
        Configuration now = world.config.current(volume.id());
        if (now == null || !isOwner(now, by) || now.epoch() != epoch || world.rollBacks.excuses(volume)) {
            return;
        }
        StoreUnderTest first = Objects.requireNonNull(world.disk(now.inSync().getFirst()));
        if (!first.canPeek()) {
            return;
        }
        volume.history.touched(register -> {
            long block = register / Stamps.SECTORS;
            byte[] held = first.peek(now.volume(), block);
            for (DiskId disk : now.inSync()) {
                if (!Arrays.equals(
                        held, Objects.requireNonNull(world.disk(disk)).peek(now.volume(), block))) {
                    throw new Violation(
                                    "I9",
                                    volume.name + " block " + block + ": disks " + first.id() + " and " + disk
                                            + " differ when the takeover of epoch " + epoch + " is over")
                            .about(volume.name, block);
                }
            }
        });
    }

    /**
     * Holds an answer against what became of the volume: none may come for a request that was sent when a newer export
     * had served already (I31), or when the volume had been deleted for longer than any lease (I28).
     */
    void served(SimVolume volume, SimVolume.Attachment through, HostOp op, long sentNanos) {
        long now = world.clock.nanos();
        through.servedNanos = Math.min(through.servedNanos, now);
        if (sentNanos > volume.supersededNanos(through)) {
            throw new Violation(
                            "I31",
                            volume.name + ": " + op + " was answered through export " + through.id
                                    + " though a newer one was in use when it was sent")
                    .about(volume.name, op.block);
        }
        if (volume.deleted() && sentNanos - volume.deletedNanos() > LEASE_NANOS) {
            throw new Violation("I28", volume.name + ": " + op + " was answered though the volume had been deleted")
                    .about(volume.name, op.block);
        }
    }

    /** Holds what a host sees as the size against what the in-sync replicas have (I29). */
    void sizeSeen(SimVolume volume, long sizeBytes) {
        Configuration recorded = world.config.current(volume.id());
        if (recorded == null || recorded.deleted() || world.rollBacks.excuses(volume)) {
            return;
        }
        if (sizeBytes < volume.sizeSeen) {
            throw new Violation("I29", volume.name + " shrank from " + volume.sizeSeen + " to " + sizeBytes + " bytes")
                    .about(volume.name, -1);
        }
        volume.sizeSeen = sizeBytes;
        for (DiskId disk : recorded.inSync()) {
            StoreUnderTest store = world.disk(disk);
            long blocks = store == null ? -1 : store.blocks(volume.id());
            if (blocks >= 0 && blocks * BlockDevice.BLOCK_BYTES < sizeBytes) {
                throw new Violation(
                                "I29",
                                volume.name + ": a host sees " + sizeBytes + " bytes, disk " + disk + " in sync has "
                                        + blocks * BlockDevice.BLOCK_BYTES)
                        .about(volume.name, -1);
            }
        }
    }

    /** A volume was said to have grown to {@code bytes} at least. */
    void grown(SimVolume volume, Configuration told, long bytes) {
        if (told.sizeBytes() < bytes) {
            throw new Violation(
                            "I29",
                            volume.name + " was said to have grown to " + bytes + " bytes and has " + told.sizeBytes())
                    .about(volume.name, -1);
        }
    }

    private static boolean isOwner(Configuration recorded, SimNode node) {
        return recorded.owner() != null && recorded.owner().node() == node.number();
    }

    private void check(
            SimVolume volume, Configuration recorded, StoreUnderTest store, History.Pending write, boolean small) {
        byte[] held = store.sample(recorded.volume(), write.register / Stamps.SECTORS);
        if (held == null) {
            return;
        }
        int sector = (int) (write.register % Stamps.SECTORS);
        long found = Stamps.glance(ByteBuffer.wrap(held), sector * Stamps.SECTOR_BYTES);
        if (!small && !uniform(held, found)) {
            found = Stamps.GARBAGE;
        }
        if (!volume.history.mayHold(write, found)) {
            long block = write.register / Stamps.SECTORS;
            throw new Violation(
                            "I1",
                            volume.name + " block " + block + ": the write of " + write.value
                                    + " was acked in epoch " + recorded.epoch() + " and disk " + store.id()
                                    + " of the in-sync set holds " + (found == Stamps.GARBAGE ? "garbage" : found))
                    .about(volume.name, block);
        }
    }

    private static boolean uniform(byte[] held, long found) {
        ByteBuffer bytes = ByteBuffer.wrap(held);
        for (int sector = 1; sector < Stamps.SECTORS; sector++) {
            if (Stamps.glance(bytes, sector * Stamps.SECTOR_BYTES) != found) {
                return false;
            }
        }
        return true;
    }

    /** Compares the maps of the in-sync replicas of a volume at rest (I9): lists what differs, empty when nothing does. */
    static List<String> differences(List<ReplicaImage> images) {
        List<String> differing = new ArrayList<>();
        ReplicaImage first = images.getFirst();
        for (ReplicaImage other : images.subList(1, images.size())) {
            String difference = first.difference(other);
            if (difference != null) {
                differing.add(difference);
            }
        }
        return differing;
    }

    /** Everything that one replica maps to. */
    record ReplicaImage(DiskId disk, int[] crcs, int[] wseqLows, byte[][] bytes) {
        @Nullable
        String difference(ReplicaImage other) {
            for (int i = 0; i < crcs.length; i++) {
                boolean zeroes = crcs[i] == Crc32c.ZERO_BLOCK;
                if (crcs[i] != other.crcs[i] || (!zeroes && wseqLows[i] != other.wseqLows[i])) {
                    return "block " + i + ": disk " + disk + " has checksum " + Integer.toHexString(crcs[i]) + " of "
                            + wseqLows[i] + ", disk " + other.disk + " has " + Integer.toHexString(other.crcs[i])
                            + " of " + other.wseqLows[i];
                }
                if (!java.util.Arrays.equals(bytes[i], other.bytes[i])) {
                    return "block " + i + " differs in its bytes on disks " + disk + " and " + other.disk;
                }
            }
            return null;
        }
    }
}
