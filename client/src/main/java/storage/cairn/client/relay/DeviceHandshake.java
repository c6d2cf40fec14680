package storage.cairn.client.relay;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * The server's side of the handshake with the one program that makes the device (specification: {@code doc/proto.md} of
 * the nbd project, "Newstyle negotiation"). There is one export, whatever it is called; replies are simple ones.
 */
final class DeviceHandshake {
    private static final long NBDMAGIC = 0x4e42444d41474943L;
    private static final long IHAVEOPT = 0x49484156454f5054L;
    private static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    private static final int FIXED_NEWSTYLE_NO_ZEROES = 3;
    private static final int NO_ZEROES = 2;
    private static final int OPT_EXPORT_NAME = 1;
    private static final int OPT_ABORT = 2;
    private static final int OPT_INFO = 6;
    private static final int OPT_GO = 7;
    private static final int REP_ACK = 1;
    private static final int REP_INFO = 3;
    private static final int REP_ERR_UNSUP = 1 << 31 | 1;
    private static final int INFO_EXPORT = 0;
    private static final int INFO_BLOCK_SIZE = 3;
    private static final int MAX_OPTION_BYTES = 64 << 10;
    private static final int MAX_OPTIONS = 64;
    /** HAS_FLAGS, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES. Every acked write is durable already. */
    private static final int TRANSMISSION_FLAGS = 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6;

    private final SocketChannel socket;
    private final long sizeBytes;

    DeviceHandshake(SocketChannel socket, long sizeBytes) {
        this.socket = socket;
        this.sizeBytes = sizeBytes;
    }

    /** Whether the other side wants to go on with requests. */
    boolean done() throws IOException {
        send(ByteBuffer.allocate(18).putLong(NBDMAGIC).putLong(IHAVEOPT).putShort((short) FIXED_NEWSTYLE_NO_ZEROES));
        boolean zeroes = (receive(4).getInt() & NO_ZEROES) == 0;
        for (int i = 0; i < MAX_OPTIONS; i++) {
            ByteBuffer head = receive(16);
            long magic = head.getLong();
            int option = head.getInt();
            int length = head.getInt();
            if (magic != IHAVEOPT || length < 0 || length > MAX_OPTION_BYTES) {
                throw new IOException("option " + option + " of " + length + " bytes in the handshake");
            }
            ByteBuffer data = receive(length);
            switch (option) {
                case OPT_EXPORT_NAME -> {
                    send(ByteBuffer.allocate(10 + (zeroes ? 124 : 0))
                            .putLong(sizeBytes)
                            .putShort((short) TRANSMISSION_FLAGS)
                            .position(10 + (zeroes ? 124 : 0)));
                    return true;
                }
                case OPT_ABORT -> {
                    reply(option, REP_ACK, ByteBuffer.allocate(0));
                    return false;
                }
                case OPT_INFO, OPT_GO -> {
                    describe(option, data);
                    if (option == OPT_GO) {
                        return true;
                    }
                }
                default -> reply(option, REP_ERR_UNSUP, ByteBuffer.allocate(0));
            }
        }
        throw new IOException("more than " + MAX_OPTIONS + " options in the handshake");
    }

    private void describe(int option, ByteBuffer data) throws IOException {
        reply(
                option,
                REP_INFO,
                ByteBuffer.allocate(12)
                        .putShort((short) INFO_EXPORT)
                        .putLong(sizeBytes)
                        .putShort((short) TRANSMISSION_FLAGS));
        int nameBytes = data.remaining() >= 6 ? data.getInt() : -1;
        if (nameBytes < 0 || nameBytes > data.remaining() - 2) {
            throw new IOException("a request for an export whose lengths do not fit together");
        }
        data.position(data.position() + nameBytes + 2);
        boolean blockSize = false;
        while (data.remaining() >= 2) {
            blockSize |= data.getShort() == INFO_BLOCK_SIZE;
        }
        if (blockSize) {
            reply(
                    option,
                    REP_INFO,
                    ByteBuffer.allocate(14)
                            .putShort((short) INFO_BLOCK_SIZE)
                            .putInt(1)
                            .putInt(4096)
                            .putInt(DeviceSession.MAX_PAYLOAD_BYTES));
        }
        reply(option, REP_ACK, ByteBuffer.allocate(0));
    }

    private void reply(int option, int type, ByteBuffer filled) throws IOException {
        ByteBuffer payload = filled.flip();
        send(ByteBuffer.allocate(20 + payload.remaining())
                .putLong(OPTION_REPLY_MAGIC)
                .putInt(option)
                .putInt(type)
                .putInt(payload.remaining())
                .put(payload));
    }

    private void send(ByteBuffer filled) throws IOException {
        filled.flip();
        while (filled.hasRemaining()) {
            socket.write(filled);
        }
    }

    private ByteBuffer receive(int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        fill(socket, bytes);
        return bytes.flip();
    }

    /** Reads until {@code bytes} is full. */
    static void fill(SocketChannel socket, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (socket.read(bytes) < 0) {
                throw new EOFException("the connection ended");
            }
        }
    }
}
