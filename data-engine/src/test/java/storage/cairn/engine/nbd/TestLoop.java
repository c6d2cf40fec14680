package storage.cairn.engine.nbd;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerDomainSocketChannel;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import storage.cairn.engine.port.Clock;

/** One real event loop of either kind and the clock on it. */
final class TestLoop implements Clock, AutoCloseable {
    private final EventLoopGroup group;
    private final EventLoop loop;
    private final boolean uring;

    TestLoop(boolean uring) {
        this.uring = uring;
        IoHandlerFactory factory = uring ? IoUringIoHandler.newFactory() : EpollIoHandler.newFactory();
        group = new MultiThreadIoEventLoopGroup(1, factory);
        loop = group.next();
    }

    static boolean uringAvailable() {
        return IoUring.isAvailable();
    }

    EventLoop loop() {
        return loop;
    }

    Class<? extends ServerChannel> unix() {
        return uring ? IoUringServerDomainSocketChannel.class : EpollServerDomainSocketChannel.class;
    }

    Class<? extends ServerChannel> tcp() {
        return uring ? IoUringServerSocketChannel.class : EpollServerSocketChannel.class;
    }

    @Override
    public long nanos() {
        return System.nanoTime();
    }

    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public Timer after(long delayNanos, Runnable task) {
        ScheduledFuture<?> scheduled = loop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
        return () -> scheduled.cancel(false);
    }

    @Override
    public void execute(Runnable task) {
        loop.execute(task);
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }
}
