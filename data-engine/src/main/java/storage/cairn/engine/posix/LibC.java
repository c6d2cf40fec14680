package storage.cairn.engine.posix;

import jnr.ffi.Pointer;

/**
 * The functions of the C library as jnr-ffi binds them; everybody else calls {@link Posix}.
 *
 * <p>Addresses, sizes and offsets are {@code long}, which holds on every 64-bit Linux. No function may be declared
 * with exactly six integral parameters: jnr-ffi passes a wrong sixth one. Where C has six, one is a {@link Pointer}.
 *
 * <p>Public only because jnr-ffi implements it in a class of its own.
 */
public interface LibC {
    int open(String path, int flags, int mode);

    int close(int fd);

    long pread(int fd, long address, long count, long offset);

    long pwrite(int fd, long address, long count, long offset);

    int fdatasync(int fd);

    int fsync(int fd);

    int fallocate(int fd, int mode, long offset, long length);

    int ftruncate(int fd, long length);

    int ioctl(int fd, long request, long address);

    int flock(int fd, int operation);

    int fstatfs(int fd, long address);

    int statx(int directory, String path, int flags, int mask, long address);

    int clock_gettime(int clock, long address);

    int getrlimit(int resource, long address);

    int poll(long address, long count, int timeoutMillis);

    int memfd_create(String name, int flags);

    Pointer mmap(Pointer address, long length, int protection, int flags, int fd, long offset);

    int munmap(Pointer address, long length);
}
