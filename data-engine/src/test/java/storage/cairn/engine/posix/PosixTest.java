package storage.cairn.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PosixTest {
    @TempDir
    Path directory;

    @Test
    void writesAndReadsAtAnOffsetBeyondFourGigabytes() throws Exception {
        int fd = create("far");
        long offset = (5L << 30) + 512;
        ByteBuffer out = ByteBuffer.allocateDirect(16).putLong(0, 42);
        ByteBuffer in = ByteBuffer.allocateDirect(16);
        assertThat(Posix.pwrite(fd, Posix.address(out), 16, offset)).isEqualTo(16);
        assertThat(Posix.pread(fd, Posix.address(in), 16, offset)).isEqualTo(16);
        assertThat(in.getLong(0)).isEqualTo(42);
        assertThat(Posix.fdatasync(fd)).isZero();
        assertThat(Posix.status(fd, "far").sizeBytes()).isEqualTo(offset + 16);
        assertThat(Posix.status(fd, "far").allocatedBytes()).isLessThan(1 << 20);
        Posix.close(fd, "far");
    }

    @Test
    void reportsErrorsByTheirNumber() {
        ByteBuffer memory = ByteBuffer.allocateDirect(16);
        assertThat(Posix.pread(-1, Posix.address(memory), 16, 0)).isEqualTo(-Errno.EBADF);
        assertThat(Posix.pwrite(-1, Posix.address(memory), 16, 0)).isEqualTo(-Errno.EBADF);
        assertThat(Posix.fdatasync(-1)).isEqualTo(-Errno.EBADF);
        assertThatThrownBy(() -> Posix.open(directory.resolve("absent"), Posix.O_RDWR, 0))
                .isInstanceOfSatisfying(
                        PosixException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT))
                .hasMessageContaining("absent")
                .hasMessageContaining("ENOENT");
        assertThatThrownBy(() -> Posix.allocate(-1, 4096, "nothing")).hasMessageContaining("EBADF");
    }

    @Test
    void aLockBelongsToTheOpenFileDescription() throws Exception {
        int first = create("locked");
        int second = Posix.open(directory.resolve("locked"), Posix.O_RDWR, 0);
        assertThat(Posix.tryLock(first, "locked")).isTrue();
        assertThat(Posix.tryLock(second, "locked")).isFalse();
        assertThat(Posix.tryLock(first, "locked")).isTrue();
        Posix.close(first, "locked");
        assertThat(Posix.tryLock(second, "locked")).isTrue();
        Posix.close(second, "locked");
    }

    @Test
    void allocatesAndTellsTheStatus() throws Exception {
        int fd = create("file");
        Posix.allocate(fd, 1 << 20, "file");
        FileStatus status = Posix.status(fd, "file");
        assertThat(status.kind()).isEqualTo(FileStatus.Kind.REGULAR);
        assertThat(status.sizeBytes()).isEqualTo(1 << 20);
        assertThat(status.allocatedBytes()).isGreaterThanOrEqualTo(1 << 20);
        assertThat(Posix.filesystemMagic(fd, "file")).isPositive();
        Posix.truncate(fd, 4096, "file");
        assertThat(Posix.status(fd, "file").sizeBytes()).isEqualTo(4096);
        Posix.close(fd, "file");
        Posix.fsyncDirectory(directory);
        assertThat(Files.size(directory.resolve("file"))).isEqualTo(4096);
    }

    @Test
    void theBootClockCountsTimeLikeTheMonotonicOne() {
        ByteBuffer time = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
        assertThat(Posix.bootTime(Posix.address(time))).isZero();
        long boot = time.getLong(0) * 1_000_000_000 + time.getLong(8);
        long monotonic = System.nanoTime();
        assertThat(boot).isGreaterThan(0);
        Posix.bootTime(Posix.address(time));
        long bootAgain = time.getLong(0) * 1_000_000_000 + time.getLong(8);
        assertThat(bootAgain - boot).isBetween(0L, System.nanoTime() - monotonic + 1_000_000_000L);
    }

    @Test
    void limitsAreReadable() throws Exception {
        assertThat(Posix.limit(Posix.RLIMIT_NOFILE)).isGreaterThan(10);
    }

    private int create(String name) throws PosixException {
        return Posix.open(directory.resolve(name), Posix.O_RDWR | Posix.O_CREAT | Posix.O_EXCL, 0600);
    }
}
