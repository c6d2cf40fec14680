package storage.cairn.engine.io;

import io.netty.channel.Channel;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.uring.IoUringDomainSocketChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringIoHandlerConfig;
import io.netty.channel.uring.IoUringServerDomainSocketChannel;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.RejectedExecutionHandlers;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import storage.cairn.engine.port.BlockDevice;

/**
 * The one event loop of an engine, with everything that lives on it: the ring or the epoll set, the clock, slabs of
 * memory and disks.
 *
 * <p>Made and closed by the composition root from outside the loop. What it hands out is used on the loop only.
 */
public final class EngineLoop implements AutoCloseable {
    private static final int RING_ENTRIES = 512;
    private static final int RING_COMPLETIONS = 8192;
    private static final int MAX_TASKS = 1 << 20;
    private static final int TASKS_MILLIS = 2;
    private static final int POOL_THREADS = 32;
    private static final int POOL_QUEUE = 1 << 16;
    private static final int CLOSE_SECONDS = 15;

    /** How disk I/O is done, as the operator asked. */
    public enum Setting {
        AUTO,
        IO_URING,
        POOL;

        /** {@code auto}, {@code io_uring} or {@code pool}. */
        public static Setting of(String text) {
            return switch (text) {
                case "auto" -> AUTO;
                case "io_uring" -> IO_URING;
                case "pool" -> POOL;
                default ->
                    throw new IllegalArgumentException(
                            "I/O mode '" + text + "' is unknown; it is auto, io_uring or pool");
            };
        }
    }

    private final MultiThreadIoEventLoopGroup group;
    private final IoEventLoop loop;
    private final boolean uring;
    private final String reason;
    private final FatalHandler fatal;
    private final LoopClock clock;
    private final BlockingIo blocking;
    private final BufferViews views;

    private EngineLoop(boolean uring, String reason, FatalHandler fatal) {
        this.uring = uring;
        this.reason = reason;
        this.fatal = fatal;
        this.group = new OneLoopGroup(uring ? uringFactory() : EpollIoHandler.newFactory());
        this.loop = group.next();
        this.clock = new LoopClock((SingleThreadIoEventLoop) loop, fatal);
        this.blocking = new BlockingIo(POOL_THREADS, POOL_QUEUE);
        this.views = new BufferViews(clock);
    }

    /**
     * Starts the loop.
     *
     * @throws IllegalStateException when io_uring was demanded and does not work here; says why
     */
    public static EngineLoop open(Setting setting, FatalHandler fatal) {
        if (setting == Setting.POOL) {
            return new EngineLoop(false, "pread/pwrite threads, as configured", fatal);
        }
        String problem = UringProbe.problem();
        if (problem == null) {
            EngineLoop loop = new EngineLoop(true, "io_uring works here", fatal);
            try {
                UringProbe.tryOut(loop.loop);
                return loop;
            } catch (IOException e) {
                loop.close();
                problem = "a trial of io_uring failed: " + e.getMessage();
            }
        }
        if (setting == Setting.IO_URING) {
            throw new IllegalStateException("io_uring is demanded by the configuration, but " + problem);
        }
        return new EngineLoop(false, "pread/pwrite threads, because " + problem, fatal);
    }

    private static IoHandlerFactory uringFactory() {
        IoHandlerFactory ring = IoUringIoHandler.newFactory(
                new IoUringIoHandlerConfig().setRingSize(RING_ENTRIES).setCqSize(RING_COMPLETIONS));
        return executor -> new RingTimeouts(ring.newHandler(executor));
    }

    /** {@code io_uring} or {@code pool}. */
    public String mode() {
        return uring ? "io_uring" : "pool";
    }

    /** Why it is this mode, in words. */
    public String modeReason() {
        return reason;
    }

    public LoopClock clock() {
        return clock;
    }

    /** Netty's loop, for channels; also the group of a bootstrap. */
    public IoEventLoop eventLoop() {
        return loop;
    }

    /** Views of slab buffers that channels can write. */
    public BufferViews views() {
        return views;
    }

    public FatalHandler fatalHandler() {
        return fatal;
    }

    /** Allocates a slab for use on this loop. {@code name} is for messages. */
    public Slab slab(String name, Slab.Sizes sizes) {
        return new Slab(name, sizes, clock);
    }

    /** A device for I/O on this loop; it owns {@code disk} from now on. */
    public BlockDevice device(DiskFile disk) {
        return call(() -> uring
                ? new UringDevice(disk, loop, clock, fatal, blocking)
                : new PooledDevice(disk, clock, fatal, blocking));
    }

    /** Does something on the loop and waits for its result. From outside the loop, or on it. */
    public <T> T call(Callable<T> task) {
        try {
            if (loop.inEventLoop()) {
                return task.call();
            }
            return loop.submit(task).syncUninterruptibly().getNow();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("a call on the event loop failed", e);
        }
    }

    public Class<? extends Channel> socketChannel() {
        return uring ? IoUringSocketChannel.class : EpollSocketChannel.class;
    }

    public Class<? extends ServerChannel> serverSocketChannel() {
        return uring ? IoUringServerSocketChannel.class : EpollServerSocketChannel.class;
    }

    public Class<? extends Channel> domainSocketChannel() {
        return uring ? IoUringDomainSocketChannel.class : EpollDomainSocketChannel.class;
    }

    public Class<? extends ServerChannel> serverDomainSocketChannel() {
        return uring ? IoUringServerDomainSocketChannel.class : EpollServerDomainSocketChannel.class;
    }

    /** Ends the loop. Devices and listeners are to be closed before. */
    @Override
    public void close() {
        blocking.close();
        group.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** One loop whose queue of tasks is bounded and which returns to I/O soon. */
    private static final class OneLoopGroup extends MultiThreadIoEventLoopGroup {
        OneLoopGroup(IoHandlerFactory factory) {
            super(1, new DefaultThreadFactory("cairn-loop"), factory);
        }

        @Override
        protected IoEventLoop newChild(Executor executor, IoHandlerFactory factory, Object... args) {
            return new SingleThreadIoEventLoop(
                    this, executor, factory, MAX_TASKS, RejectedExecutionHandlers.reject(), TASKS_MILLIS);
        }
    }
}
