package storage.cairn.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.engine.posix.Posix;

final class DisksIT {
    private static final long SIZE_BYTES = 12 << 20;

    @TempDir
    Path directory;

    @Test
    void aCreatedFileIsAllocatedWrittenAndLocked() throws IOException {
        Path path = directory.resolve("disk");
        List<Long> progress = new ArrayList<>();
        try (DiskFile disk =
                Disks.create(path, SIZE_BYTES, Disks.Buffered.ALLOWED, (done, of) -> progress.add(of - done))) {
            assertThat(disk.blocks()).isEqualTo(SIZE_BYTES / 4096);
            assertThat(disk.kind()).isEqualTo(DiskFile.Kind.FILE);
            assertThat(disk.direct() || !disk.notes().isEmpty()).isTrue();
            assertThat(Posix.status(disk.fd(), "disk").allocatedBytes()).isGreaterThanOrEqualTo(SIZE_BYTES);
            assertThat(ForeignData.find(disk)).isNull();
            assertThatThrownBy(() -> Disks.open(path, Disks.Buffered.ALLOWED))
                    .isInstanceOf(DiskRefusedException.class)
                    .hasMessageContaining("another process");
        }
        assertThat(progress)
                .isSortedAccordingTo((a, b) -> Long.compare(b, a))
                .last()
                .isEqualTo(0L);
        assertThat(directory.toFile().list()).containsExactly("disk");
        Disks.open(path, Disks.Buffered.ALLOWED).close();
    }

    @Test
    void anExistingNameIsNotOverwritten() throws IOException {
        Path path = Files.writeString(directory.resolve("disk"), "precious");
        assertThatThrownBy(() -> Disks.create(path, SIZE_BYTES, Disks.Buffered.ALLOWED, (d, o) -> {}))
                .isInstanceOf(DiskRefusedException.class);
        assertThat(path).hasContent("precious");
    }

    @Test
    void aFailedPreparationLeavesNoFile() {
        Path path = directory.resolve("disk");
        assertThatThrownBy(() -> Disks.create(path, 1L << 60, Disks.Buffered.ALLOWED, (d, o) -> {}))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("disk");
        assertThatThrownBy(() -> Disks.create(path, SIZE_BYTES, Disks.Buffered.ALLOWED, (d, o) -> {
                    throw new IllegalStateException("stopped");
                }))
                .hasMessage("stopped");
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void aFileWithHolesKeepsWhatItHoldsAndIsFilledOrRefused() throws IOException {
        Path path = directory.resolve("sparse");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(SIZE_BYTES);
            file.write("XFSB".getBytes(StandardCharsets.ISO_8859_1));
        }
        try (DiskFile disk = Disks.open(path, Disks.Buffered.ALLOWED)) {
            assertThat(ForeignData.find(disk)).contains("an xfs filesystem");
            Disks.fill(disk);
            assertThat(ForeignData.find(disk)).contains("an xfs filesystem");
        }
        assertThat(Files.size(path)).isEqualTo(SIZE_BYTES);
        assertThat(allocated(path)).isGreaterThanOrEqualTo(SIZE_BYTES);

        Path huge = directory.resolve("huge");
        try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
            file.setLength(1L << 43);
        }
        try (DiskFile disk = Disks.open(huge, Disks.Buffered.ALLOWED)) {
            assertThatThrownBy(() -> Disks.fill(disk))
                    .isInstanceOf(DiskRefusedException.class)
                    .hasMessageContaining("has holes")
                    .hasMessageContaining("give another disk");
        }
    }

    private static long allocated(Path path) throws IOException {
        int fd = Posix.open(path, Posix.O_RDWR, 0);
        try {
            return Posix.status(fd, path.toString()).allocatedBytes();
        } finally {
            Posix.close(fd, path.toString());
        }
    }

    @Test
    void aFileThatLostItsContentIsNamedWithARemedy() throws IOException {
        Path path = Files.createFile(directory.resolve("empty"));
        assertThatThrownBy(() -> Disks.open(path, Disks.Buffered.ALLOWED))
                .isInstanceOf(DiskRefusedException.class)
                .hasMessageContaining("has 0 bytes")
                .hasMessageContaining("remove it");
    }

    @Test
    void anAbsentFileAndADirectoryAreErrors() {
        assertThatThrownBy(() -> Disks.open(directory.resolve("absent"), Disks.Buffered.ALLOWED))
                .isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> Disks.open(directory, Disks.Buffered.ALLOWED)).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "0, XFSB, an xfs filesystem",
        "65600, _BHRfS_M, btrfs",
        "4086, SWAPSPACE2, swap",
        "512, EFI PART, GPT",
        "12582400, EFI PART, backup GPT",
        "536, LVM2 001, LVM2",
        "70000, whatever, unknown kind",
    })
    void foreignDataIsNamed(int offset, String mark, String expected) throws IOException {
        Path path = directory.resolve("disk");
        Disks.create(path, SIZE_BYTES, Disks.Buffered.ALLOWED, (d, o) -> {}).close();
        put(path, offset, mark.getBytes(StandardCharsets.ISO_8859_1));
        assertFoundAndWiped(path, expected);
    }

    @ParameterizedTest
    @CsvSource({
        "1080, 53ef, ext4",
        "510, 55aa, MBR",
        "0, 434149524e534231, a Cairn disk all of whose superblocks are damaged",
        "12578816, 434149524e534231, a Cairn disk all of whose superblocks are damaged",
        "4096, fc4e2ba9, RAID",
        "0, 4c554b53babe, LUKS",
        "135168, 0cb1ba0000000000, ZFS",
        "0, 626c756573746f726520626c6f636b206465766963650a, Ceph"
    })
    void binaryMarksAreNamed(int offset, String hex, String expected) throws IOException {
        Path path = directory.resolve("disk");
        Disks.create(path, SIZE_BYTES, Disks.Buffered.ALLOWED, (d, o) -> {}).close();
        put(path, offset, java.util.HexFormat.of().parseHex(hex));
        assertFoundAndWiped(path, expected);
    }

    private static void assertFoundAndWiped(Path path, String expected) throws IOException {
        try (DiskFile disk = Disks.open(path, Disks.Buffered.ALLOWED)) {
            assertThat(ForeignData.find(disk))
                    .contains(expected)
                    .contains("at byte")
                    .contains(path.toString());
            ForeignData.wipe(disk);
            assertThat(ForeignData.find(disk)).isNull();
        }
    }

    private static void put(Path path, long offset, byte[] bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(offset);
            file.write(bytes);
        }
    }

    @Test
    void theKernelsWordDecidesAboutTheWriteCache() throws IOException {
        Path sys = directory.resolve("sys");
        Path disk = sys.resolve("block/vdz");
        Files.createDirectories(disk.resolve("queue"));
        Path partition = Files.createDirectories(disk.resolve("vdz1"));
        Files.writeString(partition.resolve("partition"), "1");
        Path dev = Files.createDirectories(sys.resolve("dev"));
        Files.createSymbolicLink(dev.resolve("8:0"), disk);
        Files.createSymbolicLink(dev.resolve("8:1"), partition);
        WriteCache cache = new WriteCache(dev);
        Files.writeString(disk.resolve("queue/write_cache"), "write through\n");
        assertThat(cache.isVolatile(8, 0)).isFalse();
        assertThat(cache.isVolatile(8, 1)).isFalse();
        Files.writeString(disk.resolve("queue/write_cache"), "write back\n");
        assertThat(cache.isVolatile(8, 1)).isTrue();
        assertThat(cache.isVolatile(9, 9)).as("unknown").isTrue();
        assertThat(cache.isVolatile(0, 31)).as("no device").isTrue();
    }
}
