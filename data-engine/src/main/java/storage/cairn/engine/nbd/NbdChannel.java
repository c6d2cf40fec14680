package storage.cairn.engine.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;

/**
 * One connection: hands what its socket says to the phase that it is in, and lets that phase say into which memory
 * the socket is read.
 */
final class NbdChannel extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LogManager.getLogger(NbdChannel.class);

    /** What a connection does at the moment: the handshake, then a session. */
    interface Phase {
        /**
         * Where the next bytes of the socket go, retained for the transport. It must have room, unless reading is
         * paused: then it may have none.
         */
        ByteBuf target();

        /** Bytes arrived in {@code bytes}, which may be a target of the phase before. */
        void received(ByteBuf bytes);

        /** The socket has no more for now: send what was written. */
        void flush();

        /** The socket takes more, or has enough for now. */
        void writabilityChanged();

        /** The connection is gone. Called once, last. */
        void closed();
    }

    private final NbdServer server;
    private final Channel channel;
    private Phase phase;
    private boolean closed;

    NbdChannel(NbdServer server, Channel channel) {
        this.server = server;
        this.channel = channel;
        this.phase = new NbdHandshake(server, this);
        channel.config().setRecvByteBufAllocator(new IntoTarget());
    }

    Channel channel() {
        return channel;
    }

    Phase phase() {
        return phase;
    }

    /** The handshake is over; what it had read and not used is given to the session by the caller. */
    void become(NbdSession session) {
        phase = session;
        server.sessionBegan(this);
    }

    /** Closes the connection because its peer breaks the protocol. */
    void violated(String what) {
        server.metrics().protocolErrors.increment();
        LOG.info("NBD connection {} closed: {}", channel, what);
        NbdServer.close(channel);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        ((NbdHandshake) phase).greet();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            if (!closed) {
                phase.received(bytes);
            }
        } finally {
            bytes.release();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (!closed) {
            phase.flush();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (!closed) {
            phase.writabilityChanged();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (!closed) {
            closed = true;
            phase.closed();
            server.connectionClosed(this);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof java.io.IOException) {
            LOG.debug("NBD connection {} broke: {}", channel, cause.toString());
            NbdServer.close(channel);
        } else {
            server.failed(cause);
            NbdServer.close(channel);
        }
    }

    /** Reads the socket into the memory that the phase names. */
    private final class IntoTarget extends DefaultMaxMessagesRecvByteBufAllocator {
        @Override
        public MaxMessageHandle newHandle() {
            return new MaxMessageHandle() {
                @Override
                public ByteBuf allocate(ByteBufAllocator allocator) {
                    return phase.target();
                }

                @Override
                public int guess() {
                    return NbdHandshake.MAX_OPTION_BYTES;
                }
            };
        }
    }
}
