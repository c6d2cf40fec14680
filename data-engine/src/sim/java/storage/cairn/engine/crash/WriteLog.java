package storage.cairn.engine.crash;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The log that the kernel's device-mapper target {@code log-writes} keeps of a disk, read from an image of its log
 * device. Source of the format: the comments and structures of the kernel's drivers/md/dm-log-writes.c, version 1.
 *
 * <pre>
 * sector 0:  0 u64 magic  8 u64 version  16 u64 entries  24 u32 bytes of a sector
 * then for each entry one sector, and the data of a write in the sectors after it:
 *            0 u64 sector  8 u64 sectors  16 u64 flags  24 u64 bytes of inline data | the text of a mark
 * flags:     1 flush  2 FUA  4 discard (no data follows)  8 mark  16 metadata            (all little-endian)
 * </pre>
 *
 * <p>A write is logged when a flush that followed its completion has completed, just before that flush. So between
 * two flushes of the log lie the writes that the second one made durable.
 */
final class WriteLog implements AutoCloseable {
    private static final long MAGIC = 0x6a736677736872L;
    private static final long VERSION = 1;
    private static final int HEADER_BYTES = 32;
    private static final int FLUSH = 1;
    private static final int FUA = 2;
    private static final int DISCARD = 4;
    private static final int MARK = 8;
    private static final String END = "dm-log-writes-end";
    private static final long MOST_ENTRIES = 10_000_000;

    private final FileChannel image;
    private final int sectorBytes;
    private final List<Entry> entries = new ArrayList<>();

    private WriteLog(FileChannel image, int sectorBytes) {
        this.image = image;
        this.sectorBytes = sectorBytes;
    }

    /**
     * Reads the log's entries, not yet their data.
     *
     * @throws IOException when it is not such a log, or not a whole one
     */
    static WriteLog open(Path path) throws IOException {
        FileChannel image = FileChannel.open(path, StandardOpenOption.READ);
        try {
            ByteBuffer head = read(image, 0, HEADER_BYTES);
            long version = head.getLong(8);
            long count = head.getLong(16);
            int sectorBytes = head.getInt(24);
            if (head.getLong(0) != MAGIC || version != VERSION) {
                throw new IOException(path + " is not a dm-log-writes log of version " + VERSION);
            }
            if (count < 0 || count > MOST_ENTRIES || sectorBytes < 512 || sectorBytes > 4096) {
                throw new IOException(path + " tells of " + count + " entries and sectors of " + sectorBytes);
            }
            WriteLog log = new WriteLog(image, sectorBytes);
            log.readEntries(count);
            return log;
        } catch (IOException | RuntimeException e) {
            image.close();
            throw e;
        }
    }

    private void readEntries(long count) throws IOException {
        long at = sectorBytes;
        boolean ended = false;
        for (long i = 0; i < count; i++) {
            ByteBuffer head = read(image, at, sectorBytes);
            long sector = head.getLong(0);
            long sectors = head.getLong(8);
            int flags = (int) head.getLong(16);
            long inline = head.getLong(24);
            at += sectorBytes;
            boolean beyondImage = (flags & DISCARD) == 0 && sectors > image.size() / sectorBytes;
            if (sector < 0 || sectors < 0 || beyondImage) {
                throw new IOException("entry " + i + " of the log writes " + sectors + " sectors at " + sector);
            }
            long offset = Math.multiplyExact(sector, sectorBytes);
            long bytes = Math.multiplyExact(sectors, sectorBytes);
            if ((flags & MARK) != 0) {
                Mark mark = new Mark(text(head, inline));
                ended = mark.isEnd();
                entries.add(mark);
            } else if ((flags & DISCARD) != 0) {
                entries.add(new Discard(offset, bytes));
            } else {
                if (bytes > 0) {
                    entries.add(new Write(offset, bytes, (flags & FUA) != 0, at));
                }
                if ((flags & FLUSH) != 0) {
                    entries.add(new Flush());
                }
                at += bytes;
            }
        }
        if (!ended) {
            throw new IOException("the log does not end with the mark " + END + ": its device was too small, or dmsetup"
                    + " did not remove the target");
        }
    }

    private String text(ByteBuffer head, long length) throws IOException {
        if (length < 0 || length > sectorBytes - HEADER_BYTES) {
            throw new IOException("a mark of " + length + " bytes in the log");
        }
        byte[] text = new byte[(int) length];
        head.get(HEADER_BYTES, text);
        return new String(text, StandardCharsets.UTF_8);
    }

    List<Entry> entries() {
        return entries;
    }

    /** What a write wrote. */
    ByteBuffer data(Write write) throws IOException {
        return read(image, write.dataAt, Math.toIntExact(write.bytes));
    }

    private static ByteBuffer read(FileChannel image, long at, int length) throws IOException {
        if (at > image.size() - length) {
            throw new IOException("the log's image ends before byte " + (at + length));
        }
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (image.read(bytes, at + bytes.position()) < 0) {
                throw new IOException("the log's image ends before byte " + (at + length));
            }
        }
        return bytes.flip();
    }

    @Override
    public void close() throws IOException {
        image.close();
    }

    sealed interface Entry {}

    /** Everything logged before it is durable. */
    record Flush() implements Entry {}

    /** A text that somebody put here. */
    record Mark(String text) implements Entry {
        /** Whether it is the kernel's own, when the target was removed. */
        boolean isEnd() {
            return text.equals(END);
        }
    }

    /** What these bytes of the disk hold is of no use to anybody. */
    record Discard(long offset, long bytes) implements Entry {}

    /**
     * @param offset where on the disk, in bytes
     * @param fua durable when it completed, without a flush
     * @param dataAt where in the log
     */
    record Write(long offset, long bytes, boolean fua, long dataAt) implements Entry {}
}
