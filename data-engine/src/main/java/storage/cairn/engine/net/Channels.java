package storage.cairn.engine.net;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;

/**
 * Calls of a channel whose future nobody needs: failures arrive at the handler as an exception and as the channel's
 * end.
 */
final class Channels {
    private Channels() {}

    @SuppressWarnings("FutureReturnValueIgnored")
    static void write(Channel channel, ByteBuf bytes) {
        channel.write(bytes, channel.voidPromise());
    }

    @SuppressWarnings("FutureReturnValueIgnored")
    static void close(Channel channel) {
        channel.close();
    }
}
