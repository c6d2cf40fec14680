package storage.cairn.client.load;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * What the verifying load writes into a block of 4 KiB, so that whoever reads it can tell what it is.
 *
 * <pre>
 *  0 u64 magic   8 u64 run   16 u64 volume   24 u64 block   32 u32 sequence   36 u32 writer
 * 40 u32 0      44 u32 CRC32C of the other 4,092 bytes      48 pseudo-random bytes of run, block and sequence
 * </pre>
 *
 * Little-endian. Not for several threads.
 */
final class BlockStamp {
    static final int BYTES = 4096;

    private static final long MAGIC = 0x6b636f4c6e726143L;
    private static final int CRC_AT = 44;
    private static final int FILL_AT = 48;

    private final long run;
    private final long volume;
    private final CRC32C crc = new CRC32C();

    /** What a block turned out to hold. */
    enum Content {
        /** A block of this run and volume, for this place. */
        OURS,
        ZEROES,
        /** Stamped by another run of a load. */
        OTHER_RUN,
        /** A valid block of this run that belongs to another place or volume. */
        MISPLACED,
        /** Neither zeroes nor a valid stamp. */
        GARBAGE
    }

    BlockStamp(long run, long volume) {
        this.run = run;
        this.volume = volume;
    }

    void write(ByteBuffer to, int at, long block, int sequence, int writer) {
        ByteBuffer bytes = to.slice(at, BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(0, MAGIC).putLong(8, run).putLong(16, volume).putLong(24, block);
        bytes.putInt(32, sequence).putInt(36, writer).putInt(40, 0);
        long state = (run ^ block * 0x9e3779b97f4a7c15L) + sequence | 1;
        for (int i = FILL_AT; i < BYTES; i += 8) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            bytes.putLong(i, state);
        }
        bytes.putInt(CRC_AT, checksum(bytes));
    }

    private int checksum(ByteBuffer bytes) {
        crc.reset();
        crc.update(bytes.slice(0, CRC_AT));
        crc.update(bytes.slice(FILL_AT, BYTES - FILL_AT));
        return (int) crc.getValue();
    }

    Content check(ByteBuffer from, int at, long block) {
        ByteBuffer bytes = from.slice(at, BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.getLong(0) != MAGIC) {
            return allZero(bytes) ? Content.ZEROES : Content.GARBAGE;
        }
        if (bytes.getInt(CRC_AT) != checksum(bytes)) {
            return Content.GARBAGE;
        }
        if (bytes.getLong(8) != run) {
            return Content.OTHER_RUN;
        }
        return bytes.getLong(16) == volume && bytes.getLong(24) == block ? Content.OURS : Content.MISPLACED;
    }

    private static boolean allZero(ByteBuffer bytes) {
        for (int i = 0; i < BYTES; i += 8) {
            if (bytes.getLong(i) != 0) {
                return false;
            }
        }
        return true;
    }

    static int sequence(ByteBuffer from, int at) {
        return Integer.reverseBytes(from.order(ByteOrder.BIG_ENDIAN).getInt(at + 32));
    }

    static int writer(ByteBuffer from, int at) {
        return Integer.reverseBytes(from.order(ByteOrder.BIG_ENDIAN).getInt(at + 36));
    }

    static long block(ByteBuffer from, int at) {
        return Long.reverseBytes(from.order(ByteOrder.BIG_ENDIAN).getLong(at + 24));
    }
}
