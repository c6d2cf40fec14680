package storage.cairn.engine.nbd;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.HangUps;
import storage.cairn.engine.io.LoopClock;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.replication.Exports;

/**
 * Serves the exports of an engine over NBD, on unix sockets and TCP, with everything on one event loop.
 *
 * <p>Its memory is bounded: connections and handshakes in number, block data by {@link NbdSettings}, and each session
 * in commands and in unread replies.
 */
public final class NbdServer {
    private static final Logger LOG = LogManager.getLogger(NbdServer.class);
    private static final WriteBufferWaterMark UNREAD_REPLIES = new WriteBufferWaterMark(1 << 20, 4 << 20);
    private static final long STALL_CHECK_NANOS = 1_000_000_000L;

    private final EngineLoop loop;
    private final LoopClock clock;
    private final Exports exports;
    private final NbdSettings settings;
    private final NbdMetrics metrics = new NbdMetrics();
    private final NbdMemory memory;
    private final HangUps hangUps = new HangUps();
    private final List<Channel> listeners = new ArrayList<>();
    private final Set<NbdChannel> handshaking = new LinkedHashSet<>();
    private final Set<NbdChannel> serving = new LinkedHashSet<>();
    private @Nullable Runnable onDrained;
    private boolean stopped;
    private boolean watching;

    /**
     * @param loop the loop on which the volumes and the pool live
     * @param pool a slab of that loop for hosts alone: a client that reads slowly keeps what it got from it
     */
    public NbdServer(EngineLoop loop, Exports exports, BufferPool pool, NbdSettings settings) {
        this.loop = loop;
        this.clock = loop.clock();
        this.exports = exports;
        this.settings = settings;
        this.memory = new NbdMemory(pool, clock, settings.totalBytes(), metrics);
    }

    public NbdMetrics metrics() {
        return metrics;
    }

    /**
     * Listens on a unix socket that only the owner of this process may use; what is left of an earlier one at that
     * path is replaced. From any thread.
     */
    public CompletableFuture<Void> listenUnix(Path socket) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        try {
            if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
                if (Files.isRegularFile(socket, LinkOption.NOFOLLOW_LINKS) || Files.isDirectory(socket)) {
                    throw new IOException(socket + " exists and is no socket: name another path, or remove it");
                }
                Files.delete(socket);
            }
        } catch (IOException e) {
            done.completeExceptionally(e);
            return done;
        }
        ChannelFuture bound =
                bootstrap(loop.serverDomainSocketChannel()).bind(new DomainSocketAddress(socket.toFile()));
        bound.addListener((ChannelFuture f) -> {
            try {
                if (f.isSuccess()) {
                    Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
                }
                listening(f, done, socket.toString());
            } catch (IOException e) {
                close(f.channel());
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    /** Listens on a TCP address (port 0: any free one); answers with the address. From any thread. */
    public CompletableFuture<InetSocketAddress> listenTcp(InetSocketAddress address) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        ServerBootstrap bootstrap = bootstrap(loop.serverSocketChannel())
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.SO_KEEPALIVE, true);
        ChannelFuture bound = bootstrap.bind(address);
        bound.addListener((ChannelFuture f) -> listening(f, done, address.toString()));
        return done.thenApply(nothing -> (InetSocketAddress) bound.channel().localAddress());
    }

    private ServerBootstrap bootstrap(Class<? extends ServerChannel> type) {
        return new ServerBootstrap()
                .group(loop.eventLoop())
                .channel(type)
                .option(ChannelOption.SO_BACKLOG, 1024)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, UNREAD_REPLIES)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        accepted(channel);
                    }
                });
    }

    private void listening(ChannelFuture bound, CompletableFuture<Void> done, String where) {
        if (!bound.isSuccess()) {
            done.completeExceptionally(
                    new IOException("NBD cannot listen on " + where + ": " + bound.cause(), bound.cause()));
        } else if (stopped) {
            close(bound.channel());
            done.completeExceptionally(new IOException("NBD server is stopped"));
        } else {
            listeners.add(bound.channel());
            LOG.info("NBD listens on {}", where);
            done.complete(null);
        }
    }

    /** A connection that was made to this server. On the loop. */
    void accepted(Channel channel) {
        if (stopped || handshaking.size() + serving.size() >= settings.maxConnections()) {
            turnedAway(channel, "the bound of " + settings.maxConnections() + " connections is reached");
            return;
        }
        if (handshaking.size() >= settings.maxHandshakes() && !evictOldestHandshake()) {
            turnedAway(channel, "the bound of " + settings.maxHandshakes() + " handshakes is reached");
            return;
        }
        metrics.accepted.increment();
        metrics.connections.increment();
        NbdChannel connection = new NbdChannel(this, channel);
        handshaking.add(connection);
        channel.pipeline().addLast(connection);
    }

    private boolean evictOldestHandshake() {
        for (NbdChannel candidate : handshaking) {
            if (candidate.phase() instanceof NbdHandshake handshake && handshake.idle()) {
                handshaking.remove(candidate);
                turnedAway(candidate.channel(), "others want to connect and it does not go on");
                return true;
            }
        }
        return false;
    }

    void turnedAway(Channel channel, String reason) {
        metrics.turnedAway.increment();
        LOG.info("NBD connection {} closed: {}", channel, reason);
        close(channel);
    }

    /** Whether a client is gone, though what it sent last may not be read yet. */
    boolean isGone(Channel channel) {
        return hangUps.isHungUp(channel);
    }

    /** Ends the sessions of a volume whose clients are gone: whoever opens it now may be such a client, come again. */
    void endGone(String volumeName) {
        for (NbdChannel connection : List.copyOf(serving)) {
            if (connection.phase() instanceof NbdSession session
                    && session.serves(volumeName)
                    && isGone(connection.channel())) {
                session.clientGone();
            }
        }
    }

    void sessionBegan(NbdChannel connection) {
        handshaking.remove(connection);
        serving.add(connection);
        metrics.sessions.increment();
        if (!watching) {
            watching = true;
            watchForStalls();
        }
    }

    void connectionClosed(NbdChannel connection) {
        metrics.connections.decrement();
        handshaking.remove(connection);
        if (serving.remove(connection)) {
            metrics.sessions.decrement();
        }
        drained();
    }

    static void close(Channel channel) {
        var unused = channel.close();
    }

    /** Closes when what was written has left, or after a while. */
    void closeGently(Channel channel) {
        Clock.Timer timer = clock.after(settings.closeMillis() * 1_000_000, () -> close(channel));
        ChannelFuture written = channel.writeAndFlush(Unpooled.EMPTY_BUFFER);
        written.addListener(ChannelFutureListener.CLOSE);
        channel.closeFuture().addListener(closed -> timer.cancel());
    }

    void failed(Throwable defect) {
        loop.fatalHandler().fatal("the NBD server", defect);
    }

    private void watchForStalls() {
        clock.after(STALL_CHECK_NANOS, () -> {
            if (memory.contended()) {
                long now = clock.nanos();
                List.copyOf(serving).forEach(connection -> evictIfStalled(connection, now));
            }
            watching = !serving.isEmpty();
            if (watching) {
                watchForStalls();
            }
        });
    }

    private void evictIfStalled(NbdChannel connection, long nowNanos) {
        if (connection.phase() instanceof NbdSession session
                && session.stalledNanos(nowNanos) > settings.stallMillis() * 1_000_000) {
            metrics.evictions.increment();
            LOG.warn(
                    "NBD connection {} of {} closed: for {} ms it read no reply and sent no payload, and others need its"
                            + " buffers",
                    connection.channel(),
                    session.exportName(),
                    settings.stallMillis());
            close(connection.channel());
        }
    }

    /**
     * Stops listening, lets the commands under way end, closes the connections, then runs {@code whenDone}. On the
     * loop. Clients find the connection closed with nothing unanswered that was done, and go elsewhere.
     */
    public void shutdown(Runnable whenDone) {
        stopped = true;
        onDrained = whenDone;
        listeners.forEach(NbdServer::close);
        for (NbdChannel connection : List.copyOf(handshaking)) {
            close(connection.channel());
        }
        for (NbdChannel connection : List.copyOf(serving)) {
            if (connection.phase() instanceof NbdSession session) {
                session.finish();
            }
        }
        clock.execute(this::drained);
    }

    private void drained() {
        Runnable whenDone = onDrained;
        if (whenDone != null && handshaking.isEmpty() && serving.isEmpty()) {
            onDrained = null;
            whenDone.run();
        }
    }

    boolean shuttingDown() {
        return stopped;
    }

    LoopClock clock() {
        return clock;
    }

    Exports exports() {
        return exports;
    }

    NbdSettings settings() {
        return settings;
    }

    BufferViews views() {
        return loop.views();
    }

    NbdMemory memory() {
        return memory;
    }
}
