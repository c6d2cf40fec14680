package storage.cairn.engine.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WriteLogTest {
    private static final int SECTOR = 512;
    private static final int FLUSH = 1;
    private static final int FUA = 2;
    private static final int DISCARD = 4;
    private static final int MARK = 8;

    @TempDir
    private Path folder;

    private final ByteBuffer image =
            ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN).position(SECTOR);
    private int entries;

    @Test
    void readsWritesFlushesDiscardsAndMarks() throws IOException {
        write(8, 8, 0, 'a');
        write(16, 1, FUA, 'b');
        entry(1 << 20, 2048, DISCARD, "");
        write(0, 0, FLUSH, ' ');
        write(24, 8, FLUSH, 'c');
        mark("hello");
        mark("dm-log-writes-end");

        try (WriteLog log = WriteLog.open(finished())) {
            assertThat(log.entries())
                    .containsExactly(
                            new WriteLog.Write(8 * SECTOR, 8 * SECTOR, false, 2 * SECTOR),
                            new WriteLog.Write(16 * SECTOR, SECTOR, true, 11 * SECTOR),
                            new WriteLog.Discard((long) SECTOR << 20, 2048 * SECTOR),
                            new WriteLog.Flush(),
                            new WriteLog.Write(24 * SECTOR, 8 * SECTOR, false, 15 * SECTOR),
                            new WriteLog.Flush(),
                            new WriteLog.Mark("hello"),
                            new WriteLog.Mark("dm-log-writes-end"));
            byte[] expected = new byte[SECTOR];
            Arrays.fill(expected, (byte) 'b');
            assertThat(log.data((WriteLog.Write) log.entries().get(1)).array()).isEqualTo(expected);
        }
    }

    @Test
    void refusesALogWithoutItsEnd() throws IOException {
        write(8, 8, 0, 'a');
        mark("hello");

        refused("too small");
    }

    @Test
    void refusesWhatIsNoLog() throws IOException {
        mark("dm-log-writes-end");
        Path file = finished();
        byte[] bytes = Files.readAllBytes(file);
        bytes[0] ^= 1;
        Files.write(file, bytes);

        assertThatThrownBy(() -> WriteLog.open(file)).hasMessageContaining("not a dm-log-writes log");
    }

    @Test
    void refusesAnEntryThatReachesBeyondTheImage() throws IOException {
        entry(0, 1 << 30, 0, "");
        mark("dm-log-writes-end");

        refused("entry 0");
    }

    @Test
    void refusesAMarkLongerThanItsSector() throws IOException {
        entry(0, 0, MARK, "");
        image.putLong(image.position() - SECTOR + 24, 1L << 40);
        mark("dm-log-writes-end");

        refused("mark of");
    }

    private void refused(String why) throws IOException {
        Path file = finished();
        assertThatThrownBy(() -> WriteLog.open(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(why);
    }

    private void write(long sector, int sectors, int flags, char content) {
        entry(sector, sectors, flags, "");
        byte[] data = new byte[sectors * SECTOR];
        Arrays.fill(data, (byte) content);
        image.put(data);
    }

    private void mark(String text) {
        entry(0, 0, MARK, text);
    }

    private void entry(long sector, long sectors, int flags, String text) {
        int at = image.position();
        image.putLong(sector).putLong(sectors).putLong(flags).putLong(text.length());
        image.put(text.getBytes(StandardCharsets.UTF_8));
        image.position(at + SECTOR);
        entries++;
    }

    private Path finished() throws IOException {
        image.putLong(0, 0x6a736677736872L).putLong(8, 1).putLong(16, entries).putInt(24, SECTOR);
        return Files.write(folder.resolve("log"), Arrays.copyOf(image.array(), image.position()));
    }
}
