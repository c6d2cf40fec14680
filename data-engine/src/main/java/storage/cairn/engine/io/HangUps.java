package storage.cairn.engine.io;

import io.netty.channel.Channel;
import io.netty.channel.unix.UnixChannel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import storage.cairn.engine.posix.Posix;

/**
 * Asks the kernel whether the peer of a connection is gone. Netty tells that only after everything that the peer sent
 * was read, which may be long after. One for each loop.
 */
public final class HangUps {
    private static final int POLLFD_BYTES = 8;

    private final ByteBuffer scratch = ByteBuffer.allocateDirect(POLLFD_BYTES).order(ByteOrder.nativeOrder());
    private final long address = Posix.address(scratch);

    /** Whether the peer has closed or reset the connection, or said that it sends nothing more. */
    public boolean isHungUp(Channel channel) {
        return channel instanceof UnixChannel socket
                && socket.isOpen()
                && Posix.isHungUp(socket.fd().intValue(), scratch, address);
    }
}
