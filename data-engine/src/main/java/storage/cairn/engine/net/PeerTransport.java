package storage.cairn.engine.net;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.resolver.NoopAddressResolverGroup;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.List;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.LoopClock;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Network;

/**
 * The network between engines, on TCP and on the event loop that also carries the disks.
 *
 * <p>{@link #listen} and {@link #close} are called from outside the loop, everything else on it. {@link
 * Network.Listener#opened} is told of streams that this engine opens; an accepted one is open when the acceptor gets
 * it. Frames that were sent before {@link Network.Stream#close} are still written when the peer takes them within
 * 200 ms.
 */
public final class PeerTransport implements Network, AutoCloseable {
    private static final Logger LOG = LogManager.getLogger(PeerTransport.class);
    private static final int KEEPALIVE_IDLE_SECONDS = 5;
    private static final int KEEPALIVE_INTERVAL_SECONDS = 2;
    private static final int KEEPALIVE_PROBES = 3;
    private static final int BACKLOG = 1024;
    private static final int STAGES_KEPT = 256;
    private static final int STRANGERS_OVERSHOOT = 4;
    private static final Slab.Sizes HEADS = new Slab.Sizes(2048, 8, 8, 4);

    /** Where other engines listen. Called on the loop: answers from memory, with resolved addresses. */
    @FunctionalInterface
    public interface Addresses {
        /** The address of a node, or null when it is not known. */
        @Nullable
        InetSocketAddress of(int node);
    }

    /**
     * Bounds of the transport.
     *
     * @param maxStreams open streams, in both directions together
     * @param maxStrangers accepted streams that have not sent their first frame; while there are so many, further
     *     ones wait in the kernel's backlog, and four times as many is the limit
     * @param introductionMillis how long the first frame of an accepted stream may take
     * @param connectMillis how long a connection may take
     * @param userTimeoutMillis how long the kernel waits for an acknowledgement of sent data
     */
    public record Settings(
            int maxStreams, int maxStrangers, int introductionMillis, int connectMillis, int userTimeoutMillis) {
        public static final Settings DEFAULT = new Settings(16_384, 64, 5_000, 2_000, 10_000);
    }

    private final EngineLoop engine;
    private final LoopClock clock;
    private final Framing framing;
    private final Addresses addresses;
    private final BufferPool acceptedPayloads;
    private final BufferPool openedPayloads;
    private final Settings settings;
    private final Slab heads;
    private final ByteBuffer scratch = FrameCutter.newScratch();
    private final ArrayDeque<ByteBuf> stages = new ArrayDeque<>();
    private final LinkedHashSet<PeerStream> streams = new LinkedHashSet<>();
    private final ArrayDeque<PeerStream> toFlush = new ArrayDeque<>();
    private final Runnable flush = this::flushAll;
    private @Nullable Acceptor acceptor;
    private @Nullable Channel server;
    private int strangers;
    private boolean acceptHeldBack;
    private boolean closed;

    /**
     * @param acceptedPayloads for payloads that arrive on streams which others opened: writes for replicas here
     * @param openedPayloads for payloads that arrive on streams which this engine opened: blocks that it reads. The
     *     two must not be the same, or two owners can wait for each other's memory.
     */
    public PeerTransport(
            EngineLoop engine,
            Framing framing,
            Addresses addresses,
            BufferPool acceptedPayloads,
            BufferPool openedPayloads,
            Settings settings) {
        this.engine = engine;
        this.clock = engine.clock();
        this.framing = framing;
        this.addresses = addresses;
        this.acceptedPayloads = acceptedPayloads;
        this.openedPayloads = openedPayloads;
        this.settings = settings;
        this.heads = engine.slab("heads of peer frames", HEADS);
    }

    /**
     * Begins to accept streams; port 0 takes a free one.
     *
     * @return the address it listens on
     */
    public InetSocketAddress listen(InetSocketAddress address) throws IOException {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(engine.eventLoop(), engine.eventLoop())
                .channel(engine.serverSocketChannel())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        addAccepted(channel);
                    }
                });
        ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException("cannot listen for peers on " + address + ": " + messageOf(bound.cause()));
        }
        Channel channel = bound.channel();
        engine.call(() -> server = channel);
        return (InetSocketAddress) channel.localAddress();
    }

    private void addAccepted(Channel channel) {
        // The kernel can hand over a few more than were asked for.
        boolean tooStrange = strangers >= settings.maxStrangers() * STRANGERS_OVERSHOOT;
        if (closed || tooStrange || streams.size() >= settings.maxStreams()) {
            LOG.warn(
                    "a stream from {} is refused: {} streams are open, {} of them silent so far",
                    channel.remoteAddress(),
                    streams.size(),
                    strangers);
            Channels.close(channel);
            return;
        }
        PeerStream stream = new PeerStream(this, true, acceptedPayloads, String.valueOf(channel.remoteAddress()));
        streams.add(stream);
        strangers++;
        holdBackAccepting();
        configure(channel, stream);
    }

    private void configure(Channel channel, PeerStream stream) {
        channel.config().setAutoRead(false);
        channel.config().setRecvByteBufAllocator(stream.receiver());
        set(channel, ChannelOption.TCP_NODELAY, true);
        set(channel, ChannelOption.SO_KEEPALIVE, true);
        boolean uring = engine.mode().equals("io_uring");
        set(
                channel,
                uring ? IoUringChannelOption.TCP_KEEPIDLE : EpollChannelOption.TCP_KEEPIDLE,
                KEEPALIVE_IDLE_SECONDS);
        set(
                channel,
                uring ? IoUringChannelOption.TCP_KEEPINTVL : EpollChannelOption.TCP_KEEPINTVL,
                KEEPALIVE_INTERVAL_SECONDS);
        set(channel, uring ? IoUringChannelOption.TCP_KEEPCNT : EpollChannelOption.TCP_KEEPCNT, KEEPALIVE_PROBES);
        set(
                channel,
                uring ? IoUringChannelOption.TCP_USER_TIMEOUT : EpollChannelOption.TCP_USER_TIMEOUT,
                settings.userTimeoutMillis());
        channel.pipeline().addLast(stream);
        channel.closeFuture().addListener(ended -> clock.execute(stream::channelClosed));
    }

    private static <T> void set(Channel channel, ChannelOption<T> option, T value) {
        if (!channel.config().setOption(option, value)) {
            throw new IllegalStateException("this transport has no option " + option);
        }
    }

    @Override
    public Stream connect(int node, Listener listener) {
        clock.checkOnLoop();
        PeerStream stream = new PeerStream(this, false, openedPayloads, "node " + node);
        stream.listener(listener);
        streams.add(stream);
        InetSocketAddress address = addresses.of(node);
        String impossible = null;
        if (closed) {
            impossible = "the engine is shutting down";
        } else if (streams.size() > settings.maxStreams()) {
            impossible = settings.maxStreams() + " streams are open, which is the most";
        } else if (address == null || address.isUnresolved()) {
            impossible = "no address of node " + node + " is known";
        }
        if (impossible != null || address == null) {
            String reason = String.valueOf(impossible);
            clock.execute(() -> stream.failed(reason, false));
            return stream;
        }
        new Bootstrap()
                .group(engine.eventLoop())
                .channel(engine.socketChannel())
                .resolver(NoopAddressResolverGroup.INSTANCE)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, settings.connectMillis())
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        configure(channel, stream);
                    }
                })
                .connect(address)
                .addListener(connected -> {
                    if (!connected.isSuccess()) {
                        Throwable cause = connected.cause();
                        String reason = "cannot connect to node " + node + " at " + address + ": " + messageOf(cause);
                        clock.execute(() -> stream.failed(reason, cause instanceof ConnectException));
                    }
                });
        return stream;
    }

    @Override
    public void accept(Acceptor newAcceptor) {
        clock.checkOnLoop();
        this.acceptor = newAcceptor;
    }

    /** Streams that are open or about to be. */
    public int streams() {
        return streams.size();
    }

    /** Closes all streams and stops listening. From outside the loop. */
    @Override
    public void close() {
        engine.call(() -> {
            closed = true;
            for (PeerStream stream : List.copyOf(streams)) {
                stream.close("the engine is shutting down");
            }
            releaseStages();
            return 0;
        });
        Channel listening = engine.call(() -> server);
        if (listening != null) {
            listening.close().awaitUninterruptibly();
        }
    }

    private static String messageOf(@Nullable Throwable cause) {
        return cause == null ? "unknown cause" : String.valueOf(cause.getMessage());
    }

    // ---- what streams need

    Framing framing() {
        return framing;
    }

    LoopClock clock() {
        return clock;
    }

    BufferViews views() {
        return engine.views();
    }

    BufferPool heads() {
        return heads;
    }

    ByteBuffer scratch() {
        return scratch;
    }

    void checkOnLoop() {
        clock.checkOnLoop();
    }

    @Nullable
    Listener accepted(Stream stream) {
        Acceptor by = acceptor;
        return by == null ? null : by.accepted(stream);
    }

    Clock.Timer introductionTimer(PeerStream stream) {
        return clock.after(
                settings.introductionMillis() * 1_000_000L,
                () -> stream.close("no frame within " + settings.introductionMillis() + " ms"));
    }

    /** A stranger became a known stream, or went away. */
    void introduced() {
        strangers--;
        holdBackAccepting();
    }

    private void holdBackAccepting() {
        boolean holdBack = strangers >= settings.maxStrangers();
        Channel listening = server;
        if (holdBack != acceptHeldBack && listening != null) {
            acceptHeldBack = holdBack;
            listening.config().setAutoRead(!holdBack);
        }
    }

    ByteBuf takeStage() {
        ByteBuf stage = stages.poll();
        return stage == null ? Unpooled.directBuffer(FrameCutter.STAGE_BYTES, FrameCutter.STAGE_BYTES) : stage;
    }

    void giveBackStage(ByteBuf stage) {
        if (closed || stage.refCnt() > 1 || stages.size() >= STAGES_KEPT) {
            stage.release();
        } else {
            stages.add(stage);
        }
    }

    void forget(PeerStream stream) {
        streams.remove(stream);
    }

    private void releaseStages() {
        stages.forEach(ByteBuf::release);
        stages.clear();
    }

    /** Has {@code stream} flushed once, at the end of this turn of the loop. */
    void flushLater(PeerStream stream) {
        if (toFlush.isEmpty()) {
            clock.atEndOfTurn(flush);
        }
        toFlush.add(stream);
    }

    private void flushAll() {
        for (PeerStream stream = toFlush.poll(); stream != null; stream = toFlush.poll()) {
            stream.flushDue();
        }
    }

    /** Runs what must not throw. */
    void guard(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            fatal("a stream between engines failed", e);
        }
    }

    void fatal(String what, Throwable cause) {
        engine.fatalHandler().fatal(what, cause);
    }
}
