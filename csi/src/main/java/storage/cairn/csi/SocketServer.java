package storage.cairn.csi;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Serves gRPC on a unix socket that only this user may use; each call has a thread. */
final class SocketServer implements AutoCloseable {
    private static final int MAX_MESSAGE_BYTES = 4 << 20;
    private static final int MAX_CALLS = 256;
    private static final long CLOSE_SECONDS = 30;

    private final EventLoopGroup loop =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("csi"), NioIoHandler.newFactory());
    private final ExecutorService threads = Executors.newCachedThreadPool(
            Thread.ofPlatform().name("call-", 1).daemon().factory());
    private final Path socket;
    private final Server server;

    SocketServer(Path socket, List<BindableService> services) throws IOException {
        this.socket = socket;
        Files.createDirectories(socket.toAbsolutePath().getParent());
        if (Files.isRegularFile(socket, LinkOption.NOFOLLOW_LINKS) || Files.isDirectory(socket)) {
            throw new IOException(socket + " exists and is no socket: name another path, or remove it");
        }
        // Of a process that was killed: in a cluster nobody else has this path.
        Files.deleteIfExists(socket);
        NettyServerBuilder builder = NettyServerBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .channelType(NioServerDomainSocketChannel.class)
                .bossEventLoopGroup(loop)
                .workerEventLoopGroup(loop)
                .executor(threads)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .maxConcurrentCallsPerConnection(MAX_CALLS);
        services.forEach(builder::addService);
        this.server = builder.build().start();
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
    }

    /** Takes no more calls, and lets those that are under way end. */
    @Override
    public void close() {
        server.shutdown();
        try {
            if (!server.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                server.shutdownNow();
            }
            Files.deleteIfExists(socket);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(socket + " cannot be removed", e);
        } finally {
            threads.close();
            var _ = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }
}
