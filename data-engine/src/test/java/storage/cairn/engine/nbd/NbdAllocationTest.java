package storage.cairn.engine.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.netty.util.ResourceLeakDetector;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/** What the server allocates for each command when it runs evenly: a ceiling that was measured, not wished for. */
@Timeout(120)
class NbdAllocationTest {
    private static final int DEPTH = 32;
    private static final int ROUNDS = 2000;

    private final ResourceLeakDetector.Level before = ResourceLeakDetector.getLevel();

    @TempDir
    Path folder;

    /** Tests run with paranoid leak detection, which allocates a trace for each use of a buffer. */
    @BeforeEach
    void asInProduction() {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    }

    @AfterEach
    void asInTests() {
        ResourceLeakDetector.setLevel(before);
    }

    @ParameterizedTest
    @CsvSource({"false, READ", "false, WRITE", "true, READ", "true, WRITE"})
    void commandsAllocateNextToNothing(boolean uring, NbdMetrics.Command command) throws Exception {
        EngineLoop loop;
        try {
            loop = EngineLoop.open(
                    uring ? EngineLoop.Setting.IO_URING : EngineLoop.Setting.POOL,
                    (what, cause) -> cause.printStackTrace());
        } catch (IllegalStateException e) {
            org.junit.jupiter.api.Assumptions.abort("skipped: " + e.getMessage());
            return;
        }
        NbdServer server = loop.call(() -> new NbdServer(
                loop,
                new OneVolume(loop.clock()),
                loop.slab("hosts", Slab.Sizes.ofBytes(32 << 20)),
                NbdSettings.forPool(32 << 20)));
        Path socket = folder.resolve("nbd.sock");
        server.listenUnix(socket).get(5, TimeUnit.SECONDS);
        long thread = loop.call(() -> Thread.currentThread().threadId());
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            client.connect(UnixDomainSocketAddress.of(socket));
            negotiate(client);
            boolean write = command == NbdMetrics.Command.WRITE;
            ByteBuffer requests = ByteBuffer.allocateDirect(DEPTH * (28 + (write ? 4096 : 0)));
            for (int i = 0; i < DEPTH; i++) {
                requests.putInt(NbdWire.REQUEST_MAGIC).putShort((short) 0);
                requests.putShort((short) (write ? 1 : 0))
                        .putLong(i)
                        .putLong(i * 4096L)
                        .putInt(4096);
                requests.position(requests.position() + (write ? 4096 : 0));
            }
            ByteBuffer replies = ByteBuffer.allocateDirect(DEPTH * (16 + (write ? 0 : 4096)));
            exchange(client, requests, replies, 3 * ROUNDS);
            long bytes = threads.getThreadAllocatedBytes(thread);
            long cpu = threads.getThreadCpuTime(thread);
            long start = System.nanoTime();
            exchange(client, requests, replies, ROUNDS);
            double commands = (double) DEPTH * ROUNDS;
            double each = (threads.getThreadAllocatedBytes(thread) - bytes) / commands;
            double micros = (threads.getThreadCpuTime(thread) - cpu) / commands / 1000;
            double perSecond = commands / (System.nanoTime() - start) * 1e9;
            System.out.printf(
                    "%s on %s: %.1f B, %.2f us of CPU a command, %.0f/s%n",
                    command, loop.mode(), each, micros, perSecond);
            assertThat(each).isLessThan(write ? 50 : 100);
        }
        CompletableFuture<Void> done = new CompletableFuture<>();
        loop.clock().execute(() -> server.shutdown(() -> done.complete(null)));
        done.get(10, TimeUnit.SECONDS);
        loop.close();
    }

    private static void negotiate(SocketChannel client) throws IOException {
        byte[] name = "v".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer out = ByteBuffer.allocate(100)
                .putInt(3)
                .putLong(NbdWire.IHAVEOPT)
                .putInt(1)
                .putInt(1)
                .put(name);
        client.write(out.flip());
        ByteBuffer in = ByteBuffer.allocate(18 + 10);
        while (in.hasRemaining()) {
            client.read(in);
        }
    }

    private static void exchange(SocketChannel client, ByteBuffer requests, ByteBuffer replies, int rounds)
            throws IOException {
        for (int i = 0; i < rounds; i++) {
            requests.rewind();
            while (requests.hasRemaining()) {
                client.write(requests);
            }
            replies.clear();
            while (replies.hasRemaining()) {
                client.read(replies);
            }
            assertThat(replies.getInt(4)).isZero();
        }
    }

    private static final class OneVolume implements Exports {
        private final Clock clock;

        OneVolume(Clock clock) {
            this.clock = clock;
        }

        @Override
        public List<String> names(int limit) {
            return List.of("v");
        }

        @Override
        public void open(String exportName, HostVolume.Lost lost, Answer answer) {
            clock.execute(() -> answer.opened(new Opened.Granted(new InstantVolume(clock))));
        }
    }

    /** Completes everything in the next turn, without allocating. */
    private static final class InstantVolume implements HostVolume {
        private final Clock clock;
        private final Runnable drain = this::drain;
        private final Done[] waiting = new Done[1024];
        private final long[] tags = new long[1024];
        private int count;

        InstantVolume(Clock clock) {
            this.clock = clock;
        }

        private void complete(Done done, long tag) {
            waiting[count] = done;
            tags[count] = tag;
            if (count++ == 0) {
                clock.execute(drain);
            }
        }

        private void drain() {
            int n = count;
            count = 0;
            for (int i = 0; i < n; i++) {
                waiting[i].done(tags[i], Status.OK);
            }
        }

        @Override
        public long sizeBytes() {
            return 1 << 30;
        }

        @Override
        public void read(long block, int blocks, Buffer into, Done done, long tag) {
            complete(done, tag);
        }

        @Override
        public void write(long offset, int length, Buffer data, Done done, long tag) {
            complete(done, tag);
        }

        @Override
        public void zero(long offset, long length, boolean unmap, Done done, long tag) {
            complete(done, tag);
        }

        @Override
        public void flush(Done done, long tag) {
            complete(done, tag);
        }

        @Override
        public void blockStatus(long block, long blocks, int maxRuns, Runs done, long tag) {
            throw new UnsupportedOperationException("not asked for here");
        }

        @Override
        public void close() {}
    }
}
