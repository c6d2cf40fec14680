package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/** Appends numbered records to a file, each made durable before the next one, until it is closed. */
final class DurableWrites implements AutoCloseable {
    private static final int RECORD_BYTES = 512;
    private static final Duration LONG = Duration.ofMinutes(4);

    private final Path file;
    private final AtomicLong durable = new AtomicLong();
    private final Thread thread;
    private volatile boolean closed;
    private volatile @Nullable IOException failure;

    DurableWrites(Path file) {
        this.file = file;
        this.thread = Thread.ofPlatform().name("writes").daemon().start(this::write);
    }

    private void write() {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);
            while (!closed) {
                long number = durable.get();
                record.clear().putLong(0, number);
                int written = channel.write(record, number * RECORD_BYTES);
                channel.force(false);
                if (written != RECORD_BYTES) {
                    throw new IOException(written + " bytes written");
                }
                durable.set(number + 1);
            }
        } catch (IOException e) {
            failure = e;
        }
    }

    void awaitMore() {
        long before = durable.get();
        Awaitility.await("writes go on").atMost(LONG).until(() -> failure != null || durable.get() > before + 20);
        assertThat(failure).isNull();
    }

    /** Ends it, and shows that it has written without an error. */
    @Override
    public void close() throws IOException {
        closed = true;
        Awaitility.await("writes end").atMost(LONG).until(() -> !thread.isAlive());
        assertThat(failure).isNull();
        Files.writeString(file.resolveSibling(file.getFileName() + ".count"), Long.toString(durable.get()));
    }

    /** Every record that was durable is there. */
    static void assertWhole(Path file) throws IOException {
        long count = Long.parseLong(Files.readString(file.resolveSibling(file.getFileName() + ".count")));
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(file));
        for (long number = 0; number < count; number++) {
            assertThat(content.getLong(Math.toIntExact(number * RECORD_BYTES)))
                    .as("record %s of %s", number, count)
                    .isEqualTo(number);
        }
    }
}
