package storage.cairn.engine.node;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Listens for the control service on a unix socket, which only this user may use, and on TCP. On one thread of its
 * own, apart from the data path.
 */
final class ControlServer implements AutoCloseable {
    private static final int MAX_MESSAGE_BYTES = 64 << 10;
    private static final int MAX_HEADER_BYTES = 16 << 10;
    private static final int MAX_CALLS_PER_CONNECTION = 64;
    private static final long IDLE_MINUTES = 10;
    private static final long CLOSE_MILLIS = 1_000;

    private final EventLoopGroup group =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("control"), NioIoHandler.newFactory());
    private final List<Server> servers = new ArrayList<>();
    private final Path socket;

    private ControlServer(Path socket) {
        this.socket = socket;
    }

    /**
     * @param address of TCP, null when it listens on the socket alone
     * @param executor where calls are taken
     */
    static ControlServer open(
            BindableService service, Path socket, @Nullable InetSocketAddress address, Executor executor)
            throws IOException {
        ControlServer server = new ControlServer(socket);
        boolean complete = false;
        try {
            removeLeftover(socket);
            server.listen(service, UnixDomainSocketAddress.of(socket), NioServerDomainSocketChannel.class, executor);
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            if (address != null) {
                server.listen(service, address, NioServerSocketChannel.class, executor);
            }
            complete = true;
            return server;
        } finally {
            if (!complete) {
                server.close();
            }
        }
    }

    private void listen(
            BindableService service, SocketAddress address, Class<? extends ServerChannel> type, Executor executor)
            throws IOException {
        try {
            servers.add(NettyServerBuilder.forAddress(address)
                    .channelType(type)
                    .bossEventLoopGroup(group)
                    .workerEventLoopGroup(group)
                    .executor(executor)
                    .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                    .maxInboundMetadataSize(MAX_HEADER_BYTES)
                    .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
                    .maxConnectionIdle(IDLE_MINUTES, TimeUnit.MINUTES)
                    .addService(service)
                    .build()
                    .start());
        } catch (IOException e) {
            throw new IOException("the control service cannot listen on " + address + ": " + e.getMessage(), e);
        }
    }

    /** Removes the socket of an engine that was killed; one that somebody answers is not ours to take. */
    private static void removeLeftover(Path socket) throws IOException {
        if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (Files.isRegularFile(socket, LinkOption.NOFOLLOW_LINKS) || Files.isDirectory(socket)) {
            throw new IOException(socket + " exists and is no socket: name another path, or remove it");
        }
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.connect(UnixDomainSocketAddress.of(socket));
            throw new LiveSocketException(socket);
        } catch (LiveSocketException e) {
            throw e;
        } catch (IOException nobody) {
            Files.delete(socket);
        }
    }

    private static final class LiveSocketException extends IOException {
        LiveSocketException(Path socket) {
            super(socket + " is in use: another engine of this node runs; stop it first");
        }
    }

    @Override
    public void close() {
        for (Server server : servers) {
            server.shutdown();
        }
        try {
            for (Server server : servers) {
                if (!server.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS)) {
                    server.shutdownNow();
                }
            }
            if (!servers.isEmpty()) {
                Files.deleteIfExists(socket);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            EngineLog.event(storage.cairn.engine.port.Log.Level.WARN, "SocketNotRemoved", socket + ": " + e);
        }
        group.shutdownGracefully(0, CLOSE_MILLIS, TimeUnit.MILLISECONDS).awaitUninterruptibly(CLOSE_MILLIS);
    }
}
