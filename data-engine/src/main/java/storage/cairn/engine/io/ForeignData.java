package storage.cairn.engine.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;

/**
 * Recognises what somebody else keeps on a disk, before Cairn formats it. It looks at the first and the last MiB; a
 * disk whose content it does not know, but which is not blank there, counts as used too.
 */
public final class ForeignData {
    private static final int AREA_BYTES = 1 << 20;

    /** Text that marks a format. */
    private record Mark(String what, int offset, byte[] bytes) {
        static Mark of(String what, int offset, String text) {
            return new Mark(what, offset, text.getBytes(StandardCharsets.ISO_8859_1));
        }
    }

    /** Its label would have been found before: none of its superblocks is whole. */
    private static final String OWN = "a Cairn disk all of whose superblocks are damaged";

    /** How a superblock begins: docs/format.md. */
    private static final String OWN_MAGIC = "CAIRNSB1";

    /** At the front. Offsets are those that libblkid looks at. */
    private static final List<Mark> MARKS = List.of(
            Mark.of(OWN, 0, OWN_MAGIC),
            Mark.of("an xfs filesystem", 0, "XFSB"),
            Mark.of("a btrfs filesystem", 0x10040, "_BHRfS_M"),
            Mark.of("a vfat filesystem", 0x52, "FAT32   "),
            Mark.of("a vfat filesystem", 0x36, "FAT16   "),
            Mark.of("a vfat filesystem", 0x36, "FAT12   "),
            Mark.of("an exfat filesystem", 3, "EXFAT   "),
            Mark.of("an ntfs filesystem", 3, "NTFS    "),
            Mark.of("an ISO 9660 filesystem", 0x8001, "CD001"),
            Mark.of("swap space", 4086, "SWAPSPACE2"),
            Mark.of("swap space", 65526, "SWAPSPACE2"),
            Mark.of("a suspended machine", 4086, "S1SUSPEND"),
            Mark.of("a LUKS volume", 0, "LUKS\u00ba\u00be"),
            Mark.of("a LUKS volume (second header)", 0x4000, "SKUL\u00ba\u00be"),
            Mark.of("a Ceph BlueStore disk", 0, "bluestore block device\n"),
            Mark.of("a GPT partition table", 512, "EFI PART"),
            Mark.of("a GPT partition table", 4096, "EFI PART"),
            Mark.of("an LVM2 physical volume", 0x18, "LVM2 001"),
            Mark.of("an LVM2 physical volume", 0x218, "LVM2 001"),
            Mark.of("an LVM2 physical volume", 0x418, "LVM2 001"),
            Mark.of("an LVM2 physical volume", 0x618, "LVM2 001"),
            Mark.of("a bcache or bcachefs disk", 0x1018, "\u00c6\u0085\u0073\u00f6\u004e\u001a\u0045\u00ca"));

    private static final int MDRAID_MAGIC = 0xa92b4efc;
    private static final long ZFS_UBERBLOCK_MAGIC = 0x00bab10cL;

    private ForeignData() {}

    /**
     * What is on the disk, as a message that names each finding and its byte offset; null when it is blank. A disk of
     * Cairn's own is not blank either: the caller looks for its label first.
     */
    public static @Nullable String find(DiskFile disk) throws IOException {
        long diskBytes = disk.blocks() * BlockDevice.BLOCK_BYTES;
        int areaBytes = (int) Math.min(AREA_BYTES, diskBytes);
        ByteBuffer front = read(disk, 0, areaBytes);
        long backAt = diskBytes - areaBytes;
        ByteBuffer back = backAt > 0 ? read(disk, backAt / BlockDevice.BLOCK_BYTES, areaBytes) : front;
        List<String> findings = new ArrayList<>();
        lookAtFront(front, findings);
        lookAtBack(back, backAt, diskBytes, findings);
        if (findings.isEmpty()) {
            int at = firstNonZero(front);
            if (at >= 0) {
                findings.add("data of an unknown kind at byte " + at);
            } else if (firstNonZero(back) >= 0) {
                findings.add("data of an unknown kind at byte " + (backAt + firstNonZero(back)));
            }
        }
        return findings.isEmpty() ? null : disk.path() + " holds " + String.join(", and ", findings);
    }

    private static void lookAtFront(ByteBuffer front, List<String> findings) {
        for (Mark mark : MARKS) {
            if (holds(front, mark.offset(), mark.bytes())) {
                findings.add(mark.what() + " at byte " + mark.offset());
            }
        }
        if (front.limit() > 1024 + 0x38 + 2 && front.getShort(1024 + 0x38) == (short) 0xef53) {
            findings.add("an ext2, ext3 or ext4 filesystem at byte 1024");
        }
        for (int at : new int[] {0, 4096}) {
            if (front.limit() > at + 4 && front.getInt(at) == MDRAID_MAGIC) {
                findings.add("a member of a Linux RAID at byte " + at);
            }
        }
        for (int at = 128 << 10; at + 8 <= Math.min(front.limit(), 256 << 10); at += 1024) {
            if (isUberblock(front, at)) {
                findings.add("a ZFS pool at byte " + at);
                break;
            }
        }
        if (findings.isEmpty() && front.get(510) == 0x55 && front.get(511) == (byte) 0xaa) {
            findings.add("a partition table or boot sector (MBR) at byte 0");
        }
    }

    private static boolean isUberblock(ByteBuffer area, int at) {
        return area.getLong(at) == ZFS_UBERBLOCK_MAGIC || Long.reverseBytes(area.getLong(at)) == ZFS_UBERBLOCK_MAGIC;
    }

    private static void lookAtBack(ByteBuffer back, long backAt, long diskBytes, List<String> findings) {
        int last = back.limit() - BlockDevice.BLOCK_BYTES;
        if (findings.isEmpty() && holds(back, last, OWN_MAGIC.getBytes(StandardCharsets.ISO_8859_1))) {
            findings.add(OWN + " at byte " + (backAt + last));
        }
        byte[] gpt = "EFI PART".getBytes(StandardCharsets.ISO_8859_1);
        for (int sector : new int[] {512, 4096}) {
            int at = back.limit() - sector;
            if (holds(back, at, gpt)) {
                findings.add("a backup GPT partition table at byte " + (backAt + at));
            }
        }
        long mdraid090 = (diskBytes & -65536L) - 65536;
        long mdraid10 = ((diskBytes / 512 - 16) & -8L) * 512;
        for (long at : new long[] {mdraid090, mdraid10}) {
            int index = (int) (at - backAt);
            if (at >= backAt && index + 4 <= back.limit() && back.getInt(index) == MDRAID_MAGIC) {
                findings.add("a member of a Linux RAID at byte " + at);
            }
        }
    }

    private static boolean holds(ByteBuffer area, int at, byte[] bytes) {
        if (at < 0 || at + bytes.length > area.limit()) {
            return false;
        }
        for (int i = 0; i < bytes.length; i++) {
            if (area.get(at + i) != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    private static int firstNonZero(ByteBuffer area) {
        for (int at = 0; at + 8 <= area.limit(); at += 8) {
            if (area.getLong(at) != 0) {
                return at;
            }
        }
        return -1;
    }

    /** Overwrites the places where {@link #find} looks, so that nobody recognises the old content any more. */
    public static void wipe(DiskFile disk) throws IOException {
        long diskBytes = disk.blocks() * BlockDevice.BLOCK_BYTES;
        int areaBytes = (int) Math.min(AREA_BYTES, diskBytes);
        ByteBuffer zeroes = allocate(areaBytes);
        disk.write(0, zeroes);
        disk.write(disk.blocks() - areaBytes / BlockDevice.BLOCK_BYTES, zeroes);
        disk.sync();
    }

    private static ByteBuffer read(DiskFile disk, long block, int bytes) throws IOException {
        ByteBuffer area = allocate(bytes);
        disk.read(block, area);
        return area;
    }

    private static ByteBuffer allocate(int bytes) {
        ByteBuffer area =
                ByteBuffer.allocateDirect(bytes + BlockDevice.BLOCK_BYTES).alignedSlice(BlockDevice.BLOCK_BYTES);
        return area.limit(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
