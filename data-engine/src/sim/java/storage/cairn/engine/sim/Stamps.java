package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;

/**
 * Content that carries a number: each of the 64 words of each sector of 512 bytes holds it, mixed with the word's
 * place, so that torn, mixed and shifted content shows. 0 is zeroes.
 */
public final class Stamps {
    /** What is no stamped block or sector. */
    public static final long GARBAGE = -1;

    public static final int SECTOR_BYTES = 512;
    public static final int SECTORS = BlockDevice.BLOCK_BYTES / SECTOR_BYTES;

    private static final int WORDS = SECTOR_BYTES / Long.BYTES;
    /** Castagnoli's, its lowest bit first. */
    private static final int CRC32C_POLYNOMIAL = 0x82f63b78;

    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    /** By {@link #key}. */
    private final Map<Long, Integer> crcs = new HashMap<>();

    private final ByteBuffer scratch = ByteBuffer.allocate(BlockDevice.BLOCK_BYTES);

    /** Fills a block. */
    static void put(Buffer buffer, int index, long stamp) {
        put(buffer.bytes(), index * BlockDevice.BLOCK_BYTES, stamp);
    }

    private static void put(ByteBuffer bytes, int offset, long stamp) {
        putSector(bytes, offset, stamp);
        byte[] memory = bytes.array();
        int first = bytes.arrayOffset() + offset;
        for (int sector = 1; sector < SECTORS; sector++) {
            System.arraycopy(memory, first, memory, first + sector * SECTOR_BYTES, SECTOR_BYTES);
        }
    }

    /** Fills a block with what is no stamp, and has the checksum of {@code stamp}'s block. */
    static void putTwin(Buffer buffer, int index, long stamp) {
        put(buffer, index, stamp);
        int at = index * BlockDevice.BLOCK_BYTES;
        flip(buffer.bytes(), at, 1);
        // What the first byte changed in the register of the checksum, the next four change back.
        int register = 1;
        for (int bit = 0; bit < Byte.SIZE; bit++) {
            register = (register & 1) != 0 ? register >>> 1 ^ CRC32C_POLYNOMIAL : register >>> 1;
        }
        for (int i = 0; i < Integer.BYTES; i++) {
            flip(buffer.bytes(), at + 1 + i, register >>> (i * Byte.SIZE));
        }
    }

    private static void flip(ByteBuffer bytes, int at, int bits) {
        bytes.put(at, (byte) (bytes.get(at) ^ bits));
    }

    public static void putSector(ByteBuffer bytes, int offset, long stamp) {
        for (int i = 0; i < WORDS; i++) {
            bytes.putLong(offset + i * Long.BYTES, stamp == 0 ? 0 : stamp ^ (i * GAMMA));
        }
    }

    /** What a block was filled with. */
    static long get(Buffer buffer, int index) {
        ByteBuffer bytes = buffer.bytes();
        int offset = index * BlockDevice.BLOCK_BYTES;
        // Each sector is like the one before it.
        byte[] memory = bytes.array();
        int second = bytes.arrayOffset() + offset + SECTOR_BYTES;
        int length = BlockDevice.BLOCK_BYTES - SECTOR_BYTES;
        boolean alike = Arrays.equals(
                memory, second - SECTOR_BYTES, second - SECTOR_BYTES + length, memory, second, second + length);
        return alike ? getSector(bytes, offset) : GARBAGE;
    }

    public static long getSector(ByteBuffer bytes, int offset) {
        long stamp = bytes.getLong(offset);
        for (int i = 1; i < WORDS; i++) {
            if (bytes.getLong(offset + i * Long.BYTES) != word(stamp, i)) {
                return GARBAGE;
            }
        }
        return stamp;
    }

    /** As {@link #getSector} by its ends alone: for content that is whole by sectors in any case. */
    static long glance(ByteBuffer bytes, int offset) {
        long stamp = bytes.getLong(offset);
        long last = bytes.getLong(offset + SECTOR_BYTES - Long.BYTES);
        return last == word(stamp, WORDS - 1) ? stamp : GARBAGE;
    }

    /** Stands for a stamp in hash tables: their low bits are all zero, and would share one bucket. */
    static long key(long stamp) {
        return SimRandom.mix(stamp);
    }

    private static long word(long stamp, int i) {
        return stamp == 0 ? 0 : stamp ^ (i * GAMMA);
    }

    /** Checksum of a block filled with that. */
    int crc(long stamp) {
        return crcs.computeIfAbsent(key(stamp), unknown -> {
            put(scratch, 0, stamp);
            return Crc32c.of(scratch, 0, BlockDevice.BLOCK_BYTES);
        });
    }
}
