package storage.cairn.engine.port;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC32C (Castagnoli), the only checksum on disk and on the wire. */
public final class Crc32c {
    /** Checksum of a block of 4,096 zero bytes. */
    public static final int ZERO_BLOCK = of(ByteBuffer.allocate(BlockDevice.BLOCK_BYTES), 0, BlockDevice.BLOCK_BYTES);

    private Crc32c() {}

    /** Checksum of {@code length} bytes from absolute index {@code offset}; does not keep changes to position or limit. */
    public static int of(ByteBuffer bytes, int offset, int length) {
        int position = bytes.position();
        int limit = bytes.limit();
        CRC32C crc = new CRC32C();
        bytes.limit(offset + length).position(offset);
        crc.update(bytes);
        bytes.limit(limit).position(position);
        return (int) crc.getValue();
    }
}
