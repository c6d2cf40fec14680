package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A device of memory that keeps each block up to its last byte that is not zero; the place of a block is reused. */
final class SparseDevice extends MemoryDevice {
    private static final int CHUNK_BYTES = 64 << 20;
    private static final int UNIT = 32;
    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(BLOCK_BYTES);

    /** Of each block, in units of 32 bytes: where it is; 0 when it was all zeroes from the start. */
    private final int[] places;
    /** Units that the block has there, and how many are used. */
    private final byte[] rooms;

    private final byte[] used;
    private final List<ByteBuffer> chunks = new ArrayList<>();
    private int end = 1;

    SparseDevice(long blocks) {
        super(blocks);
        int count = Math.toIntExact(blocks);
        places = new int[count];
        rooms = new byte[count];
        used = new byte[count];
        chunks.add(ByteBuffer.allocateDirect(CHUNK_BYTES));
    }

    /** Of its tables, which are not the store's. */
    long heapBytes() {
        return 6L * places.length;
    }

    @Override
    void load(long block, int count, ByteBuffer into, int at) {
        for (int i = 0; i < count; i++) {
            int index = (int) block + i;
            int bytes = (used[index] & 0xff) * UNIT;
            int to = at + i * BLOCK_BYTES;
            if (bytes > 0) {
                into.put(to, chunk(places[index]), offset(places[index]), bytes);
            }
            into.put(to + bytes, ZEROES, 0, BLOCK_BYTES - bytes);
        }
    }

    @Override
    void store(long block, int count, ByteBuffer from, int at) {
        for (int i = 0; i < count; i++) {
            int index = (int) block + i;
            int units = units(from, at + i * BLOCK_BYTES);
            if (units > (rooms[index] & 0xff)) {
                places[index] = take(units);
                rooms[index] = (byte) units;
            }
            used[index] = (byte) units;
            if (units > 0) {
                chunk(places[index]).put(offset(places[index]), from, at + i * BLOCK_BYTES, units * UNIT);
            }
        }
    }

    /** At most 128, so that it fits in a byte. */
    private static int units(ByteBuffer from, int at) {
        int last = BLOCK_BYTES - Long.BYTES;
        while (last >= 0 && from.getLong(at + last) == 0) {
            last -= Long.BYTES;
        }
        return (last + Long.BYTES + UNIT - 1) / UNIT;
    }

    private int take(int units) {
        int perChunk = CHUNK_BYTES / UNIT;
        if (end / perChunk != (end + units - 1) / perChunk) {
            end = (end / perChunk + 1) * perChunk;
        }
        int place = end;
        end += units;
        while (chunks.size() <= (end - 1) / perChunk) {
            chunks.add(ByteBuffer.allocateDirect(CHUNK_BYTES));
        }
        return place;
    }

    private ByteBuffer chunk(int place) {
        return chunks.get(place / (CHUNK_BYTES / UNIT));
    }

    private static int offset(int place) {
        return place % (CHUNK_BYTES / UNIT) * UNIT;
    }
}
