package storage.cairn.engine.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.posix.Errno;
import storage.cairn.engine.posix.Posix;

/**
 * An open disk, a block device or a preallocated file, with the exclusive lock on the very open file description
 * that does its I/O. Opened by {@link Disks}; its calls block and may come from any thread.
 */
public final class DiskFile implements AutoCloseable {
    /** What is behind the path. */
    public enum Kind {
        BLOCK_DEVICE,
        FILE
    }

    private final Path path;
    private final int fd;
    private final Kind kind;
    private final long blocks;
    private final boolean direct;
    private final boolean volatileCache;
    private final List<String> notes;
    private volatile boolean discards;
    private boolean closed;

    DiskFile(Path path, int fd, Kind kind, long blocks, boolean direct, boolean volatileCache, List<String> notes) {
        this.path = path;
        this.fd = fd;
        this.kind = kind;
        this.blocks = blocks;
        this.direct = direct;
        this.volatileCache = volatileCache;
        this.notes = List.copyOf(notes);
        this.discards = kind == Kind.BLOCK_DEVICE;
    }

    public Path path() {
        return path;
    }

    public Kind kind() {
        return kind;
    }

    /** Whole 4 KiB blocks. */
    public long blocks() {
        return blocks;
    }

    /** Whether I/O goes past the page cache (O_DIRECT). */
    public boolean direct() {
        return direct;
    }

    /** Whether a completed write may be lost by a power cut unless a later flush succeeded. */
    public boolean volatileCache() {
        return volatileCache;
    }

    /** What a person should know of this disk: no O_DIRECT, memory only, an unknown filesystem. */
    public List<String> notes() {
        return notes;
    }

    int fd() {
        return fd;
    }

    /** Reads whole blocks into a direct, 4 KiB-aligned buffer, from its position to its limit. */
    public void read(long block, ByteBuffer into) throws IOException {
        transfer(false, block, into);
    }

    /** Writes whole blocks from a direct, 4 KiB-aligned buffer, from its position to its limit. */
    public void write(long block, ByteBuffer from) throws IOException {
        transfer(true, block, from);
    }

    private void transfer(boolean write, long block, ByteBuffer buffer) throws IOException {
        int length = buffer.remaining();
        if (length % BlockDevice.BLOCK_BYTES != 0 || block < 0 || block > blocks - length / BlockDevice.BLOCK_BYTES) {
            throw new IllegalArgumentException(length + " bytes at block " + block + " of " + path);
        }
        int errno = transferFully(
                write, Posix.address(buffer) + buffer.position(), length, block * BlockDevice.BLOCK_BYTES);
        if (errno != 0) {
            throw new IOException((write ? "write" : "read") + " of " + length + " bytes at block " + block + " of "
                    + path + " failed: " + Errno.describe(errno));
        }
    }

    /** Makes all completed writes durable, or throws. Not to be repeated after an error. */
    public void sync() throws IOException {
        int errno = flush();
        if (errno != 0) {
            throw new IOException("fdatasync of " + path + " failed: " + Errno.describe(errno));
        }
    }

    /** 0, or the errno; a transfer that stops short of {@code length} is EIO. */
    int transferFully(boolean write, long address, long length, long offset) {
        long done = 0;
        while (done < length) {
            long count = write
                    ? Posix.pwrite(fd, address + done, length - done, offset + done)
                    : Posix.pread(fd, address + done, length - done, offset + done);
            if (count > 0 && (count % BlockDevice.BLOCK_BYTES == 0 || done + count == length)) {
                done += count;
            } else if (count >= 0) {
                return Errno.EIO;
            } else if (count != -Errno.EINTR) {
                return (int) -count;
            }
        }
        return 0;
    }

    int flush() {
        return -Posix.fdatasync(fd);
    }

    /**
     * 0, or the errno. A preallocated file keeps its blocks, since giving them back would make each later write
     * change the filesystem's own metadata again; a device that cannot discard is asked once.
     */
    int discard(long offset, long length) {
        if (!discards) {
            return 0;
        }
        int errno = -Posix.discard(fd, offset, length);
        if (errno == Errno.EOPNOTSUPP) {
            discards = false;
            return 0;
        }
        return errno;
    }

    /** Gives the disk and its lock up. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            Posix.close(fd, path.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
