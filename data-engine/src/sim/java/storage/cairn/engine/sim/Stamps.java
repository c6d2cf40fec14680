package storage.cairn.engine.sim;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;

/**
 * Blocks that carry a number: each of their 512 words holds it, mixed with the word's place, so that a torn or mixed
 * block shows. 0 is the block of zeroes.
 */
final class Stamps {
    /** What is no stamped block. */
    static final long GARBAGE = -1;

    private static final int WORDS = BlockDevice.BLOCK_BYTES / Long.BYTES;
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private final Map<Long, Integer> crcs = new HashMap<>();
    private final ByteBuffer scratch = ByteBuffer.allocate(BlockDevice.BLOCK_BYTES);

    static void put(Buffer buffer, int index, long stamp) {
        put(buffer.bytes(), index * BlockDevice.BLOCK_BYTES, stamp);
    }

    private static void put(ByteBuffer bytes, int offset, long stamp) {
        for (int i = 0; i < WORDS; i++) {
            bytes.putLong(offset + i * Long.BYTES, stamp == 0 ? 0 : stamp ^ (i * GAMMA));
        }
    }

    static long get(Buffer buffer, int index) {
        ByteBuffer bytes = buffer.bytes();
        int offset = index * BlockDevice.BLOCK_BYTES;
        long stamp = bytes.getLong(offset);
        for (int i = 1; i < WORDS; i++) {
            if (bytes.getLong(offset + i * Long.BYTES) != (stamp == 0 ? 0 : stamp ^ (i * GAMMA))) {
                return GARBAGE;
            }
        }
        return stamp;
    }

    int crc(long stamp) {
        return crcs.computeIfAbsent(stamp, unknown -> {
            put(scratch, 0, stamp);
            return Crc32c.of(scratch, 0, BlockDevice.BLOCK_BYTES);
        });
    }
}
