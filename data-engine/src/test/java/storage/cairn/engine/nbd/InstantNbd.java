package storage.cairn.engine.nbd;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/**
 * An NBD server with a volume that completes everything in the next turn, and a client that sends commands of 4 KiB,
 * {@link #DEPTH} in one write: what is left is the cost of the server itself.
 */
final class InstantNbd {
    static final int DEPTH = 32;

    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final EngineLoop loop;
    private final NbdServer server;
    private final SocketChannel client;
    private final long thread;

    /** @throws IllegalStateException when this kernel does not have what the setting needs */
    InstantNbd(EngineLoop.Setting setting, Path socket) throws Exception {
        loop = EngineLoop.open(setting, (what, cause) -> failure.compareAndSet(null, cause));
        server = loop.call(() -> new NbdServer(
                loop,
                new OneVolume(loop.clock()),
                loop.slab("hosts", Slab.Sizes.ofBytes(32 << 20)),
                NbdSettings.forPool(32 << 20)));
        server.listenUnix(socket).get(TestServer.PATIENCE_SECONDS, TimeUnit.SECONDS);
        thread = loop.call(() -> Thread.currentThread().threadId());
        client = SocketChannel.open(StandardProtocolFamily.UNIX);
        client.connect(UnixDomainSocketAddress.of(socket));
        negotiate();
    }

    String mode() {
        return loop.mode().toString();
    }

    /** Of the loop that carries everything. */
    long threadId() {
        return thread;
    }

    /** {@link #DEPTH} requests in a row, and room for their replies. */
    record Batch(ByteBuffer requests, ByteBuffer replies) {}

    static Batch batch(NbdMetrics.Command command) {
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
        return new Batch(requests, ByteBuffer.allocateDirect(DEPTH * (16 + (write ? 0 : 4096))));
    }

    void stop() throws Exception {
        client.close();
        CompletableFuture<Void> done = new CompletableFuture<>();
        loop.clock().execute(() -> server.shutdown(() -> done.complete(null)));
        done.get(TestServer.PATIENCE_SECONDS, TimeUnit.SECONDS);
        loop.close();
    }

    private void receive(ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (client.read(into) < 0) {
                throw new IOException("the server ended the connection", failure.get());
            }
        }
    }

    private void negotiate() throws IOException {
        byte[] name = "v".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer out = ByteBuffer.allocate(100)
                .putInt(3)
                .putLong(NbdWire.IHAVEOPT)
                .putInt(1)
                .putInt(1)
                .put(name);
        client.write(out.flip());
        ByteBuffer in = ByteBuffer.allocate(18 + 10);
        receive(in);
    }

    /** Sends the batch and waits for all replies, a number of times. */
    void exchange(Batch batch, int rounds) throws IOException {
        for (int i = 0; i < rounds; i++) {
            batch.requests.rewind();
            while (batch.requests.hasRemaining()) {
                client.write(batch.requests);
            }
            batch.replies.clear();
            receive(batch.replies);
            if (batch.replies.getInt(4) != 0) {
                throw new IOException("a command failed: error " + batch.replies.getInt(4));
            }
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
