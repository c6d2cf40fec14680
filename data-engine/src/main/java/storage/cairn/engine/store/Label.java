package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;

/**
 * Whose disk it is.
 *
 * @param disk made at random when the disk is formatted
 * @param cluster the cluster it belongs to
 */
public record Label(DiskId disk, UUID cluster) {
    /** Label that a block of a disk carries, as far as it can be told from that copy alone; null: not ours. */
    public static @Nullable Label recognise(ByteBuffer firstBlock) {
        return Superblock.recognise(firstBlock);
    }

    /** Blocks of a disk of {@code deviceBlocks} blocks in each of which its label may be found. */
    public static long[] places(long deviceBlocks) {
        return deviceBlocks < Layout.SMALLEST_BLOCKS
                ? new long[] {0}
                : new long[] {0, 256, deviceBlocks - 257, deviceBlocks - 1};
    }
}
