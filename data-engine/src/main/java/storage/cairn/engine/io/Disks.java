package storage.cairn.engine.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.posix.Errno;
import storage.cairn.engine.posix.FileStatus;
import storage.cairn.engine.posix.Posix;
import storage.cairn.engine.posix.PosixException;

/** Creates and opens disks, and refuses what cannot keep the promises of one. All calls block. */
public final class Disks {
    private static final int ZEROES_BYTES = 4 << 20;
    private static final String UNFINISHED = ".preparing";

    /** What to do where O_DIRECT does not work. */
    public enum Buffered {
        REFUSED,
        /** Use the page cache and a flush for every promise; the disk's notes say so. */
        ALLOWED
    }

    /** Told how far the preparation of a file came. What it throws ends the preparation, and the file is removed. */
    @FunctionalInterface
    public interface Progress {
        void written(long bytes, long ofBytes);
    }

    private Disks() {}

    /**
     * Makes a file that serves as a disk: allocated and written once, so that later writes change nothing but data.
     * It gets its name only when it is complete.
     *
     * @param sizeBytes a positive multiple of 4,096
     * @throws DiskRefusedException when the name exists, or the filesystem cannot hold a disk
     */
    public static DiskFile create(Path path, long sizeBytes, Buffered buffered, Progress progress) throws IOException {
        if (sizeBytes <= 0 || sizeBytes % BlockDevice.BLOCK_BYTES != 0) {
            throw new IllegalArgumentException("a disk of " + sizeBytes + " bytes: not a multiple of 4096");
        }
        if (Files.exists(path)) {
            throw new DiskRefusedException(path, "exists already; open it, or give another name");
        }
        Path unfinished = path.resolveSibling(path.getFileName() + UNFINISHED);
        prepare(unfinished, sizeBytes, buffered, progress);
        Files.move(unfinished, path, StandardCopyOption.ATOMIC_MOVE);
        Path directory = path.toAbsolutePath().getParent();
        if (directory != null) {
            Posix.fsyncDirectory(directory);
        }
        return open(path, buffered);
    }

    private static void prepare(Path path, long sizeBytes, Buffered buffered, Progress progress) throws IOException {
        int fd = Posix.open(path, Posix.O_RDWR | Posix.O_CREAT, 0600);
        boolean complete = false;
        try {
            if (!Posix.tryLock(fd, path.toString())) {
                throw new DiskRefusedException(path, "another process is preparing it");
            }
            Posix.truncate(fd, 0, path.toString());
            Filesystem filesystem = Filesystem.of(Posix.filesystemMagic(fd, path.toString()));
            if (filesystem.nature() == Filesystem.Nature.COPY_ON_WRITE_UNLESS_MARKED) {
                Posix.setNoCopyOnWrite(fd, path.toString());
            }
            Posix.allocate(fd, sizeBytes, path.toString());
            if (filesystem.nature() != Filesystem.Nature.MEMORY) {
                writeOnce(path, sizeBytes, buffered, progress);
            }
            Posix.fsync(fd, path.toString());
            complete = true;
        } finally {
            if (!complete) {
                Files.deleteIfExists(path);
            }
            Posix.close(fd, path.toString());
        }
    }

    private static void writeOnce(Path path, long sizeBytes, Buffered buffered, Progress progress) throws IOException {
        Opened opened = openDirect(path, 0, buffered);
        try {
            ByteBuffer zeroes = ByteBuffer.allocateDirect(ZEROES_BYTES + BlockDevice.BLOCK_BYTES)
                    .alignedSlice(BlockDevice.BLOCK_BYTES);
            long address = Posix.address(zeroes);
            long written = 0;
            while (written < sizeBytes) {
                long count = Posix.pwrite(opened.fd, address, Math.min(ZEROES_BYTES, sizeBytes - written), written);
                if (count <= 0) {
                    throw new IOException("the first write of " + path + " failed at byte " + written + ": "
                            + Errno.describe(count == 0 ? Errno.EIO : (int) -count));
                }
                written += count;
                progress.written(written, sizeBytes);
            }
        } finally {
            Posix.close(opened.fd, path.toString());
        }
    }

    /**
     * Opens a file or block device for exclusive use.
     *
     * @throws DiskRefusedException when somebody else has it, or it cannot keep a disk's promises
     */
    public static DiskFile open(Path path, Buffered buffered) throws IOException {
        Opened opened = openDirect(path, 0, buffered);
        boolean keep = false;
        try {
            FileStatus status = Posix.status(opened.fd, path.toString());
            if (status.kind() == FileStatus.Kind.BLOCK_DEVICE) {
                // O_EXCL on a device: refused while it is mounted or belongs to another driver.
                Posix.close(opened.fd, path.toString());
                opened = openDirect(path, Posix.O_EXCL, buffered);
            }
            if (!Posix.tryLock(opened.fd, path.toString())) {
                throw new DiskRefusedException(path, "in use by another process, probably another engine");
            }
            DiskFile disk = switch (status.kind()) {
                case BLOCK_DEVICE -> device(path, opened, status);
                case REGULAR -> file(path, opened, status);
                case OTHER -> throw new DiskRefusedException(path, "neither a file nor a block device");
            };
            keep = true;
            return disk;
        } finally {
            if (!keep) {
                Posix.close(opened.fd, path.toString());
            }
        }
    }

    private static DiskFile device(Path path, Opened opened, FileStatus status) throws IOException {
        int sector = Posix.logicalSectorBytes(opened.fd, path.toString());
        if (sector > BlockDevice.BLOCK_BYTES) {
            throw new DiskRefusedException(path, "has sectors of " + sector + " bytes; at most 4096 can be used");
        }
        long blocks = Posix.deviceBytes(opened.fd, path.toString()) / BlockDevice.BLOCK_BYTES;
        boolean cache = !opened.direct || new WriteCache().isVolatile(status.deviceMajor(), status.deviceMinor());
        return new DiskFile(
                path, opened.fd, DiskFile.Kind.BLOCK_DEVICE, blocks, opened.direct, cache, opened.notes(path));
    }

    private static DiskFile file(Path path, Opened opened, FileStatus status) throws IOException {
        List<String> notes = opened.notes(path);
        Filesystem filesystem = Filesystem.of(Posix.filesystemMagic(opened.fd, path.toString()));
        switch (filesystem.nature()) {
            case IN_PLACE -> {}
            case COPY_ON_WRITE_UNLESS_MARKED -> {
                if (!Posix.isNoCopyOnWrite(opened.fd, path.toString())) {
                    throw new DiskRefusedException(
                            path,
                            "lies on " + filesystem.name() + " and is copied on write; remove it and let Cairn create"
                                    + " it, or mark it with chattr +C while it is empty");
                }
            }
            case COPY_ON_WRITE ->
                throw new DiskRefusedException(
                        path,
                        "lies on " + filesystem.name()
                                + ", which copies on write; use a block device, ext4 or xfs instead");
            case MEMORY ->
                notes.add(
                        path + " lies on " + filesystem.name() + ": nothing of it survives a restart of this machine");
            case LAYERED, UNKNOWN ->
                notes.add(path + " lies on " + filesystem.name() + ", of which Cairn cannot tell whether it writes in"
                        + " place");
        }
        if (status.sizeBytes() < BlockDevice.BLOCK_BYTES) {
            throw new DiskRefusedException(
                    path,
                    "has " + status.sizeBytes() + " bytes: give it back what it held, or remove it to have an empty one"
                            + " made in its place");
        }
        boolean inPlace = opened.direct
                && filesystem.nature() == Filesystem.Nature.IN_PLACE
                && Posix.isWrittenThroughout(opened.fd, status.sizeBytes());
        boolean cache = !inPlace || new WriteCache().isVolatile(status.deviceMajor(), status.deviceMinor());
        long blocks = status.sizeBytes() / BlockDevice.BLOCK_BYTES;
        return new DiskFile(path, opened.fd, DiskFile.Kind.FILE, blocks, opened.direct, cache, notes);
    }

    /**
     * Gives a file the space that it still lacks, so that no write can fail for want of it, and keeps what it holds.
     * Blocks while the filesystem allocates.
     *
     * @throws DiskRefusedException when there is not that much
     */
    public static void fill(DiskFile disk) throws IOException {
        FileStatus status = Posix.status(disk.fd(), disk.path().toString());
        if (disk.kind() == DiskFile.Kind.BLOCK_DEVICE || status.allocatedBytes() >= status.sizeBytes()) {
            return;
        }
        // Asked before: one that fails half-way keeps what it has allocated.
        long missing = status.sizeBytes() - status.allocatedBytes();
        long usable = Files.getFileStore(disk.path()).getUsableSpace();
        if (missing > usable) {
            throw new DiskRefusedException(
                    disk.path(),
                    "has holes, of which writes would fail: " + missing + " of " + status.sizeBytes()
                            + " bytes have no space yet, and " + usable
                            + " are left there; free the space, or give another disk");
        }
        Posix.allocate(disk.fd(), status.sizeBytes(), disk.path().toString());
    }

    private record Opened(int fd, boolean direct) {
        List<String> notes(Path path) {
            List<String> notes = new ArrayList<>();
            if (!direct) {
                notes.add(path + " does not take O_DIRECT: its I/O goes through the page cache");
            }
            return notes;
        }
    }

    /** Opens with O_DIRECT and tries it out; without it only where that is allowed. */
    private static Opened openDirect(Path path, int flags, Buffered buffered) throws IOException {
        try {
            int fd = Posix.open(path, Posix.O_RDWR | Posix.O_DIRECT | flags, 0);
            if (takesDirectReads(fd)) {
                return new Opened(fd, true);
            }
            Posix.close(fd, path.toString());
        } catch (PosixException e) {
            switch (e.errno()) {
                case Errno.EINVAL -> {}
                case Errno.ENOENT -> throw new NoSuchFileException(path.toString());
                case Errno.EBUSY ->
                    throw new DiskRefusedException(path, "mounted, or in use by another driver (LVM, RAID, swap)");
                default -> throw e;
            }
        }
        if (buffered == Buffered.REFUSED) {
            throw new DiskRefusedException(
                    path, "does not take O_DIRECT; use a block device, or a file on ext4 or xfs");
        }
        return new Opened(Posix.open(path, Posix.O_RDWR | flags, 0), false);
    }

    /** Some filesystems accept the flag and then refuse the I/O. */
    private static boolean takesDirectReads(int fd) {
        ByteBuffer block =
                ByteBuffer.allocateDirect(2 * BlockDevice.BLOCK_BYTES).alignedSlice(BlockDevice.BLOCK_BYTES);
        long result = Posix.pread(fd, Posix.address(block), BlockDevice.BLOCK_BYTES, 0);
        return result != -Errno.EINVAL;
    }
}
