package storage.cairn.client.nbd;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.nbd.NbdServer;
import storage.cairn.engine.nbd.NbdSettings;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/** The engine's NBD server over a volume in memory that two nodes can share and that can be made to lie. */
public final class FakeNode implements Exports, AutoCloseable {
    public static final String EXPORT = "vol/1";
    private static final long PATIENCE_SECONDS = 180;

    /** The bytes, and what is wrong with them. Used on the loops of the nodes. */
    public static final class Medium {
        final byte[] bytes;
        final AtomicReference<Lie> lie = new AtomicReference<>(Lie.NONE);

        public Medium(int sizeBytes) {
            bytes = new byte[sizeBytes];
        }

        /** The bytes, to be spoilt while no request is under way. */
        public byte[] bytesForTests() {
            return bytes;
        }

        /** The next operation that this can go wrong with does. */
        public void lieOnce(Lie what) {
            lie.set(what);
        }
    }

    /** Ways to be wrong. */
    public enum Lie {
        NONE,
        /** Acks a write and forgets it. */
        LOSE_WRITE,
        /** Puts a write into the next block. */
        MISPLACE_WRITE,
        /** Returns another block than the one that was asked for. */
        SWAP_READ,
        /** Flips a bit in what is read. */
        FLIP_BIT,
        /** Returns what the block held before its last write. */
        STALE_READ,
        /** Applies the write, and answers by an error. */
        APPLY_AND_FAIL,
        /** Does not apply the write, and answers by an error. */
        DROP_AND_FAIL
    }

    private final EngineLoop loop;
    private final NbdServer server;
    private final Medium medium;
    private final NbdUri uri;
    private final NbdUri tcpUri;
    private volatile @Nullable String refusal;
    private volatile boolean forgotten;
    private volatile HostVolume.@Nullable Lost client;
    private byte[] beforeLastWrite = new byte[0];
    private long lastWritten = -1;
    private boolean stopped;

    public FakeNode(Medium medium, Path socket) throws Exception {
        this.medium = medium;
        loop = EngineLoop.open(EngineLoop.Setting.POOL, (what, cause) -> {
            throw new AssertionError(what, cause);
        });
        server = new NbdServer(
                loop, this, loop.slab("hosts", new Slab.Sizes(512, 32, 16, 16)), NbdSettings.forPool(16 << 20));
        server.listenUnix(socket).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        int port = server.listenTcp(new InetSocketAddress("127.0.0.1", 0))
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .getPort();
        tcpUri = NbdUri.parse("nbd://127.0.0.1:" + port + "/" + EXPORT);
        uri = NbdUri.parse("nbd+unix:///" + EXPORT + "?socket=" + socket);
    }

    public NbdUri uri() {
        return uri;
    }

    public NbdUri tcpUri() {
        return tcpUri;
    }

    public void refuse(@Nullable String reason) {
        refusal = reason;
    }

    /** From now on there is no such export. */
    public void forget() {
        forgotten = true;
    }

    /** Takes no request any more until it is told to go on, as a stopped process does. */
    public void freeze(CountDownLatch goOn) {
        loop.clock().execute(() -> {
            try {
                goOn.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** What is under way ends, then the connection. */
    public void fence() {
        loop.clock().execute(() -> {
            HostVolume.Lost told = client;
            if (told != null) {
                told.lost(Status.FENCED, "another node owns it");
            }
        });
    }

    @Override
    public List<String> names(int limit) {
        return List.of(EXPORT);
    }

    @Override
    public void open(String exportName, HostVolume.Lost lost, Answer answer) {
        String reason = refusal;
        loop.clock().execute(() -> {
            client = lost;
            if (forgotten) {
                answer.opened(new Opened.Unknown("the export was superseded"));
            } else {
                answer.opened(reason == null ? new Opened.Granted(new Volume()) : new Opened.Refused(reason));
            }
        });
    }

    @Override
    public void close() {
        if (!stopped) {
            stop();
        }
    }

    /** What is under way ends, then everything is closed. */
    public void stop() {
        stopped = true;
        CompletableFuture<Void> done = new CompletableFuture<>();
        loop.clock().execute(() -> server.shutdown(() -> done.complete(null)));
        done.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).join();
        loop.close();
    }

    private final class Volume implements HostVolume {
        @Override
        public long sizeBytes() {
            return medium.bytes.length;
        }

        @Override
        public void read(long block, int count, storage.cairn.engine.port.Buffer into, Done done, long tag) {
            into.retain();
            loop.clock().execute(() -> {
                synchronized (medium) {
                    int at = (int) block * 4096;
                    if (count == 1 && medium.lie.compareAndSet(Lie.SWAP_READ, Lie.NONE)) {
                        at = (at + 4096) % medium.bytes.length;
                    }
                    into.bytes().put(0, medium.bytes, at, count * 4096);
                    if (count == 1 && medium.lie.compareAndSet(Lie.FLIP_BIT, Lie.NONE)) {
                        into.bytes().put(100, (byte) (into.bytes().get(100) ^ 4));
                    }
                    if (block * 4096 == lastWritten
                            && count == 1
                            && medium.lie.compareAndSet(Lie.STALE_READ, Lie.NONE)) {
                        into.bytes().put(0, beforeLastWrite);
                    }
                }
                into.release();
                done.done(tag, Status.OK);
            });
        }

        @Override
        public void write(long offset, int length, storage.cairn.engine.port.Buffer data, Done done, long tag) {
            data.retain();
            loop.clock().execute(() -> {
                Status status = Status.OK;
                synchronized (medium) {
                    int at = (int) offset;
                    boolean overwrite = medium.bytes[at] != 0;
                    boolean drop = overwrite && medium.lie.compareAndSet(Lie.LOSE_WRITE, Lie.NONE);
                    if (overwrite && medium.lie.compareAndSet(Lie.MISPLACE_WRITE, Lie.NONE)) {
                        at = (at + 4096) % medium.bytes.length;
                    }
                    if (medium.lie.compareAndSet(Lie.APPLY_AND_FAIL, Lie.NONE)) {
                        status = Status.UNAVAILABLE;
                    }
                    if (medium.lie.compareAndSet(Lie.DROP_AND_FAIL, Lie.NONE)) {
                        status = Status.UNAVAILABLE;
                        drop = true;
                    }
                    if (!drop) {
                        if (overwrite && length == 4096) {
                            beforeLastWrite = Arrays.copyOfRange(medium.bytes, at, at + length);
                            lastWritten = at;
                        }
                        data.bytes().get((int) (offset % 4096), medium.bytes, at, length);
                    }
                }
                data.release();
                done.done(tag, status);
            });
        }

        @Override
        public void zero(long offset, long length, boolean unmap, Done done, long tag) {
            loop.clock().execute(() -> {
                synchronized (medium) {
                    Arrays.fill(medium.bytes, (int) offset, (int) (offset + length), (byte) 0);
                }
                done.done(tag, Status.OK);
            });
        }

        @Override
        public void flush(Done done, long tag) {
            loop.clock().execute(() -> done.done(tag, Status.OK));
        }

        @Override
        public void blockStatus(long block, long count, int maxRuns, Runs done, long tag) {
            loop.clock().execute(() -> done.done(tag, Status.OK, List.of(new Run(count, true, false))));
        }

        @Override
        public void close() {
            client = null;
        }
    }
}
