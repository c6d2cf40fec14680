package storage.cairn.engine.posix;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * The POSIX and Linux calls that Java has no name for.
 *
 * <p>Calls on the data path take raw addresses and return the result or a negative errno. The others throw
 * {@link PosixException}. All may be called from any thread. A wrong address ends the whole process: callers pass
 * only memory that they hold.
 */
public final class Posix {
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0x40;
    public static final int O_EXCL = 0x80;
    public static final int O_TRUNC = 0x200;
    public static final int O_CLOEXEC = 0x80000;
    public static final int O_DIRECT = isArm64() ? 0x10000 : 0x4000;
    private static final int O_DIRECTORY = isArm64() ? 0x4000 : 0x10000;

    public static final int RLIMIT_FSIZE = 1;
    public static final int RLIMIT_NOFILE = 7;
    public static final int RLIMIT_MEMLOCK = 8;

    private static final int LOCK_EX_NB = 2 | 4;
    private static final int CLOCK_BOOTTIME = 7;
    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int STATX_BASIC_STATS = 0x7ff;
    private static final int STATX_BYTES = 256;
    private static final int STATFS_BYTES = 128;

    private static final long BLKGETSIZE64 = 0x80081272L;
    private static final long BLKSSZGET = 0x1268L;
    private static final long BLKDISCARD = 0x1277L;
    private static final long FS_IOC_GETFLAGS = 0x80086601L;
    private static final long FS_IOC_SETFLAGS = 0x40086602L;
    private static final long FS_IOC_FIEMAP = 0xc020660bL;
    private static final int FIEMAP_FLAG_SYNC = 1;
    private static final int FIEMAP_HEADER_BYTES = 32;
    private static final int FIEMAP_EXTENT_BYTES = 56;
    private static final int FIEMAP_EXTENTS = 512;
    /** UNKNOWN, DELALLOC, ENCODED, DATA_ENCRYPTED, INLINE, TAIL, UNWRITTEN, SHARED. */
    private static final int FIEMAP_NOT_IN_PLACE = 0x2 | 0x4 | 0x8 | 0x80 | 0x200 | 0x400 | 0x800 | 0x2000;

    private static final int POLLRDHUP = 0x2000;

    private static final int FS_NOCOW_FL = 0x00800000;

    private static final LibC C = LibraryLoader.create(LibC.class).load("c");
    private static final Runtime RUNTIME = Runtime.getRuntime(C);

    static {
        SelfCheck.run(C);
    }

    private Posix() {}

    private static boolean isArm64() {
        return System.getProperty("os.arch").equals("aarch64");
    }

    /** The address of a direct buffer's first byte, whatever its position. The caller keeps the buffer reachable. */
    public static long address(ByteBuffer direct) {
        if (!direct.isDirect()) {
            throw new IllegalArgumentException("the kernel needs a direct buffer");
        }
        return MemorySegment.ofBuffer(direct).address() - direct.position();
    }

    /** Zeroed direct memory for the structures of system calls. */
    private static ByteBuffer structure(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private static int lastError() {
        return RUNTIME.getLastError();
    }

    /** Bytes read, 0 at the end of the file, or a negative errno. */
    public static long pread(int fd, long address, long count, long offset) {
        long result = C.pread(fd, address, count, offset);
        return result >= 0 ? result : -lastError();
    }

    /** Bytes written, or a negative errno. */
    public static long pwrite(int fd, long address, long count, long offset) {
        long result = C.pwrite(fd, address, count, offset);
        return result >= 0 ? result : -lastError();
    }

    /** 0, or a negative errno. Never to be repeated after an error: the kernel has forgotten what it could not write. */
    public static int fdatasync(int fd) {
        return C.fdatasync(fd) == 0 ? 0 : -lastError();
    }

    /** Tells a block device that a range is of no use any more: 0, or a negative errno. */
    public static int discard(int fd, long offset, long length) {
        ByteBuffer range = structure(16).putLong(0, offset).putLong(8, length);
        return C.ioctl(fd, BLKDISCARD, address(range)) == 0 ? 0 : -lastError();
    }

    /** Writes {seconds, nanoseconds} of CLOCK_BOOTTIME to 16 bytes at {@code address}: 0, or a negative errno. */
    public static int bootTime(long address) {
        return C.clock_gettime(CLOCK_BOOTTIME, address) == 0 ? 0 : -lastError();
    }

    /**
     * Whether the other end of a socket has closed or reset it, also while data of it is still unread.
     *
     * @param scratch 8 bytes of direct memory in native order
     */
    public static boolean isHungUp(int fd, ByteBuffer scratch, long address) {
        scratch.putInt(0, fd).putInt(4, POLLRDHUP);
        return C.poll(address, 1, 0) > 0;
    }

    public static int open(Path path, int flags, int mode) throws PosixException {
        for (; ; ) {
            int fd = C.open(path.toString(), flags | O_CLOEXEC, mode);
            if (fd >= 0) {
                return fd;
            }
            int errno = lastError();
            if (errno != Errno.EINTR) {
                throw new PosixException("open", path.toString(), errno);
            }
        }
    }

    /** A file without a name, in memory, for trials. */
    public static int openMemory(String name) throws PosixException {
        int fd = C.memfd_create(name, 0);
        if (fd < 0) {
            throw new PosixException("memfd_create", name, lastError());
        }
        return fd;
    }

    public static void close(int fd, String subject) throws PosixException {
        if (C.close(fd) != 0) {
            throw new PosixException("close", subject, lastError());
        }
    }

    public static void fsync(int fd, String subject) throws PosixException {
        check(C.fsync(fd), "fsync", subject);
    }

    /** Makes the names in a directory durable. */
    public static void fsyncDirectory(Path directory) throws PosixException {
        int fd = open(directory, O_DIRECTORY, 0);
        try {
            fsync(fd, directory.toString());
        } finally {
            close(fd, directory.toString());
        }
    }

    /** Allocates space for the first {@code length} bytes and makes the file that long. */
    public static void allocate(int fd, long length, String subject) throws PosixException {
        check(C.fallocate(fd, 0, 0, length), "fallocate of " + length + " bytes", subject);
    }

    public static void truncate(int fd, long length, String subject) throws PosixException {
        check(C.ftruncate(fd, length), "ftruncate to " + length + " bytes", subject);
    }

    /** Takes the exclusive lock of this open file description; false when another one holds it. */
    public static boolean tryLock(int fd, String subject) throws PosixException {
        if (C.flock(fd, LOCK_EX_NB) == 0) {
            return true;
        }
        int errno = lastError();
        if (errno == Errno.EAGAIN) {
            return false;
        }
        throw new PosixException("flock", subject, errno);
    }

    public static FileStatus status(int fd, String subject) throws PosixException {
        ByteBuffer statx = structure(STATX_BYTES);
        check(C.statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, address(statx)), "statx", subject);
        FileStatus.Kind kind = switch (statx.getShort(28) & 0xf000) {
            case 0x8000 -> FileStatus.Kind.REGULAR;
            case 0x6000 -> FileStatus.Kind.BLOCK_DEVICE;
            default -> FileStatus.Kind.OTHER;
        };
        int device = kind == FileStatus.Kind.BLOCK_DEVICE ? 128 : 136;
        return new FileStatus(
                kind, statx.getLong(40), statx.getLong(48) * 512, statx.getInt(device), statx.getInt(device + 4));
    }

    /** The magic number of the filesystem that a file lies on. */
    public static long filesystemMagic(int fd, String subject) throws PosixException {
        ByteBuffer statfs = structure(STATFS_BYTES);
        check(C.fstatfs(fd, address(statfs)), "fstatfs", subject);
        return statfs.getLong(0) & 0xffffffffL;
    }

    public static long deviceBytes(int fd, String subject) throws PosixException {
        ByteBuffer size = structure(8);
        check(C.ioctl(fd, BLKGETSIZE64, address(size)), "ioctl(BLKGETSIZE64)", subject);
        return size.getLong(0);
    }

    public static int logicalSectorBytes(int fd, String subject) throws PosixException {
        ByteBuffer size = structure(8);
        check(C.ioctl(fd, BLKSSZGET, address(size)), "ioctl(BLKSSZGET)", subject);
        return size.getInt(0);
    }

    /** Whether writes go in place (true) or are redirected by the filesystem. */
    public static boolean isNoCopyOnWrite(int fd, String subject) throws PosixException {
        ByteBuffer flags = structure(8);
        check(C.ioctl(fd, FS_IOC_GETFLAGS, address(flags)), "ioctl(FS_IOC_GETFLAGS)", subject);
        return (flags.getInt(0) & FS_NOCOW_FL) != 0;
    }

    /** Asks the filesystem to write this file in place. Works only while the file is empty. */
    public static void setNoCopyOnWrite(int fd, String subject) throws PosixException {
        ByteBuffer flags = structure(8);
        check(C.ioctl(fd, FS_IOC_GETFLAGS, address(flags)), "ioctl(FS_IOC_GETFLAGS)", subject);
        flags.putInt(0, flags.getInt(0) | FS_NOCOW_FL);
        check(C.ioctl(fd, FS_IOC_SETFLAGS, address(flags)), "ioctl(FS_IOC_SETFLAGS, nocow)", subject);
    }

    /**
     * Whether every byte below {@code length} has its place on the medium already and was written once, so that
     * overwriting it changes nothing but data. False also when the filesystem does not tell.
     */
    public static boolean isWrittenThroughout(int fd, long length) {
        ByteBuffer map = structure(FIEMAP_HEADER_BYTES + FIEMAP_EXTENTS * FIEMAP_EXTENT_BYTES);
        long covered = 0;
        while (covered < length) {
            map.putLong(0, covered).putLong(8, length - covered);
            map.putInt(16, FIEMAP_FLAG_SYNC).putInt(20, 0).putInt(24, FIEMAP_EXTENTS);
            if (C.ioctl(fd, FS_IOC_FIEMAP, address(map)) != 0) {
                return false;
            }
            int extents = Math.min(map.getInt(20), FIEMAP_EXTENTS);
            long before = covered;
            for (int i = 0; i < extents; i++) {
                int at = FIEMAP_HEADER_BYTES + i * FIEMAP_EXTENT_BYTES;
                if (map.getLong(at) > covered || (map.getInt(at + 40) & FIEMAP_NOT_IN_PLACE) != 0) {
                    return false;
                }
                covered = Math.max(covered, map.getLong(at) + map.getLong(at + 16));
            }
            if (covered == before) {
                return false;
            }
        }
        return true;
    }

    /** The soft limit of a resource; {@link Long#MAX_VALUE} when there is none. */
    public static long limit(int resource) throws PosixException {
        ByteBuffer limits = structure(16);
        check(C.getrlimit(resource, address(limits)), "getrlimit", "resource " + resource);
        long soft = limits.getLong(0);
        return soft < 0 ? Long.MAX_VALUE : soft;
    }

    private static void check(int result, String call, String subject) throws PosixException {
        if (result != 0) {
            throw new PosixException(call, subject, lastError());
        }
    }

    /** Refuses to go on when the binding does not pass arguments and errors as the C library expects them. */
    private static final class SelfCheck {
        private static final long BEYOND_32_BITS = (1L << 33) + 4096;

        private SelfCheck() {}

        static void run(LibC c) {
            Runtime runtime = Runtime.getRuntime(c);
            if (c.close(-1) != -1 || runtime.getLastError() != Errno.EBADF) {
                throw broken("close(-1) gave errno " + runtime.getLastError());
            }
            int fd = c.memfd_create("cairn-self-check", 0);
            if (fd < 0) {
                throw broken("memfd_create gave errno " + runtime.getLastError());
            }
            try {
                ByteBuffer bytes = structure(8).putLong(0, 0x6361_6972_6e21_0d0aL);
                ByteBuffer back = structure(8);
                if (c.pwrite(fd, address(bytes), 8, BEYOND_32_BITS) != 8
                        || c.pread(fd, address(back), 8, BEYOND_32_BITS) != 8
                        || back.getLong(0) != bytes.getLong(0)) {
                    throw broken("pwrite and pread beyond 4 GiB do not give the same bytes");
                }
                Pointer map = c.mmap(Pointer.wrap(runtime, 0), 4096, 1, 1, fd, BEYOND_32_BITS);
                if (map == null || map.address() == -1) {
                    throw broken("mmap gave errno " + runtime.getLastError());
                }
                long mapped = map.getLong(0);
                if (c.munmap(map, 4096) != 0 || mapped != bytes.getLong(0)) {
                    throw broken("the sixth argument of mmap arrived wrong");
                }
            } finally {
                c.close(fd);
            }
        }

        private static IllegalStateException broken(String what) {
            return new IllegalStateException("the binding of the C library (jnr-ffi) is broken on this machine: " + what
                    + ". Run the Java and the libraries that Cairn was built with.");
        }
    }
}
