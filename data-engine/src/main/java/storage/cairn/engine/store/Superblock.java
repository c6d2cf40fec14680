package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.DiskId;

/**
 * The root of everything on a disk, four times on it; codec of one copy.
 *
 * <pre>
 *   0 u64 magic   8 u32 version  12 u32 blockSize  16 u64 compat  24 u64 roCompat  32 u64 incompat
 *  40 uuid disk  56 uuid cluster 72 u64 sbSeq      80 u32 copyNo  84 u32 runId     88 u64 devBlocks
 *  96 u64 jStart 104 u64 jBlocks 112 u64 replayFrom 120 u32 crc of block replayFrom-1  124 u32 flags (1 clean)
 * 128 u64 catalog slot 136 u32 crc 140 u32 pages   144 u64 catalog bytes
 * 152 u64 alloc slot   160 u32 crc 164 u32 pages   168 u64 checkpointId  176 u64 slots in use
 * 184 zeroes           4092 u32 crc32c of bytes 0..4091
 * </pre>
 */
record Superblock(
        Label label,
        long sequence,
        int runId,
        Layout layout,
        long replayFrom,
        int previousCrc,
        boolean clean,
        PageList.Root catalog,
        long catalogBytes,
        PageList.Root allocation,
        long checkpointId,
        long slotsInUse) {
    static final long MAGIC = 0x3142_534e_5249_4143L;
    static final int VERSION = 1;

    private static final int CRC_AT = 4092;
    private static final int CLEAN = 1;

    void encode(Mem mem, int page, int copy) {
        mem.clear(page);
        int at = Mem.at(page);
        mem.i64(at, MAGIC);
        mem.i32(at + 8, VERSION);
        mem.i32(at + 12, Mem.PAGE);
        mem.uuid(at + 40, label.disk().uuid());
        mem.uuid(at + 56, label.cluster());
        mem.i64(at + 72, sequence);
        mem.i32(at + 80, copy);
        mem.i32(at + 84, runId);
        mem.i64(at + 88, layout.devBlocks());
        mem.i64(at + 96, layout.journalStart());
        mem.i64(at + 104, layout.journalBlocks());
        mem.i64(at + 112, replayFrom);
        mem.i32(at + 120, previousCrc);
        mem.i32(at + 124, clean ? CLEAN : 0);
        mem.i64(at + 128, catalog.slot());
        mem.i32(at + 136, catalog.crc());
        mem.i32(at + 140, catalog.pages());
        mem.i64(at + 144, catalogBytes);
        mem.i64(at + 152, allocation.slot());
        mem.i32(at + 160, allocation.crc());
        mem.i32(at + 164, allocation.pages());
        mem.i64(at + 168, checkpointId);
        mem.i64(at + 176, slotsInUse);
        mem.i32(at + CRC_AT, mem.crc(at, CRC_AT));
    }

    /** The superblock in a page, or null when this is none that is whole. */
    static @Nullable Superblock decode(Mem mem, int page, int copy, long deviceBlocks) throws StoreException {
        int at = Mem.at(page);
        if (mem.i64(at) != MAGIC || mem.i32(at + CRC_AT) != mem.crc(at, CRC_AT) || mem.i32(at + 80) != copy) {
            return null;
        }
        if (mem.i32(at + 8) != VERSION || mem.i64(at + 32) != 0 || mem.i64(at + 24) != 0) {
            throw new StoreException("the disk has format version " + mem.i32(at + 8) + " with features "
                    + Long.toHexString(mem.i64(at + 32)) + "/" + Long.toHexString(mem.i64(at + 24))
                    + " that this build does not know: use the version that wrote it");
        }
        long blocks = mem.i64(at + 88);
        if (blocks != deviceBlocks) {
            throw new StoreException("the disk was formatted with " + blocks + " blocks and has " + deviceBlocks
                    + " now: give it back its size");
        }
        Layout layout = Layout.of(blocks);
        if (mem.i32(at + 12) != Mem.PAGE
                || mem.i64(at + 96) != layout.journalStart()
                || mem.i64(at + 104) != layout.journalBlocks()) {
            throw new StoreException("the superblock contradicts itself: block size or journal");
        }
        PageList.Root catalog = root(mem, at + 128, layout);
        PageList.Root allocation = root(mem, at + 152, layout);
        long catalogBytes = mem.i64(at + 144);
        if (catalogBytes < 0 || catalogBytes > (long) catalog.pages() * Catalog.PAYLOAD) {
            throw new StoreException("the superblock names a catalog of " + catalogBytes + " bytes");
        }
        long replayFrom = mem.i64(at + 112);
        if (replayFrom < 1 || mem.i64(at + 72) < 1 || mem.i64(at + 176) < 0) {
            throw new StoreException("the superblock names journal block " + replayFrom + ", number " + mem.i64(at + 72)
                    + " or " + mem.i64(at + 176) + " slots in use: no store wrote that");
        }
        return new Superblock(
                new Label(new DiskId(mem.uuid(at + 40)), mem.uuid(at + 56)),
                mem.i64(at + 72),
                mem.i32(at + 84),
                layout,
                replayFrom,
                mem.i32(at + 120),
                (mem.i32(at + 124) & CLEAN) != 0,
                catalog,
                catalogBytes,
                allocation,
                mem.i64(at + 168),
                mem.i64(at + 176));
    }

    private static PageList.Root root(Mem mem, int at, Layout layout) throws StoreException {
        PageList.Root root = new PageList.Root(mem.i64(at), mem.i32(at + 8), mem.i32(at + 12));
        boolean fits = root.pages() == 0 ? root.slot() == 0 : layout.isSlot(root.slot());
        if (!fits || root.pages() < 0 || root.pages() > layout.slots()) {
            throw new StoreException(
                    "the superblock names a root at block " + root.slot() + " with " + root.pages() + " pages");
        }
        return root;
    }

    static @Nullable Label recognise(ByteBuffer block) {
        if (block.capacity() < Mem.PAGE) {
            return null;
        }
        ByteBuffer bytes = block.duplicate().clear().order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.getLong(0) != MAGIC || bytes.getInt(CRC_AT) != Crc32c.of(bytes, 0, CRC_AT)) {
            return null;
        }
        return new Label(
                new DiskId(new UUID(bytes.getLong(48), bytes.getLong(40))),
                new UUID(bytes.getLong(64), bytes.getLong(56)));
    }
}
