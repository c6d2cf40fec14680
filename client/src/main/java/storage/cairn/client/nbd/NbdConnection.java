package storage.cairn.client.nbd;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A socket to an NBD server, through the handshake: fixed newstyle, structured replies when the server has them, GO
 * (specification: {@code doc/proto.md} of the nbd project, "Newstyle negotiation").
 */
final class NbdConnection implements AutoCloseable {
    /** The server answered and will not serve the export here and now; the message says why. */
    static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1;

        /** Whether there is no such export at all: it was superseded, or its volume was deleted. */
        final boolean unknown;

        RefusedException(Refusal refusal) {
            super(refusal.text());
            unknown = refusal.type() == REP_ERR_UNKNOWN;
        }
    }

    private record Refusal(int type, String text) {}

    private static final long NBDMAGIC = 0x4e42444d41474943L;
    private static final long IHAVEOPT = 0x49484156454f5054L;
    private static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    private static final int OPT_GO = 7;
    private static final int OPT_STRUCTURED_REPLY = 8;
    private static final int REP_ACK = 1;
    private static final int REP_INFO = 3;
    private static final int REP_ERROR = 1 << 31;
    private static final int REP_ERR_UNKNOWN = 1 << 31 | 6;
    private static final int MAX_OPTION_REPLY_BYTES = 64 << 10;
    private static final int MAX_OPTION_REPLIES = 64;
    /** A server greets at once; one that is stopped or cut off never does, though the kernel accepts for it. */
    private static final long GREETING_NANOS = 5_000_000_000L;
    /** A node that takes the volume over answers when the leases of its former owner have run out. */
    private static final long HANDSHAKE_NANOS = 30_000_000_000L;

    private final NbdUri uri;
    private final SocketChannel socket;
    private final Selector selector;
    private final SelectionKey key;
    private final BooleanSupplier cancelled;
    private final long deadlineNanos;
    /** Until when what is being waited for may take; at most the deadline. */
    private long limitNanos;

    private long sizeBytes = -1;
    private boolean structured;

    /**
     * Connects and enters transmission.
     *
     * @param cancelled asked now and then whether to give up; whoever changes it wakes the selector
     * @throws RefusedException when the server says why it does not serve the export
     * @throws IOException when there is no server, it breaks off, or the deadline passed
     */
    NbdConnection(NbdUri uri, Selector selector, long deadlineNanos, BooleanSupplier cancelled) throws IOException {
        this.uri = uri;
        this.selector = selector;
        this.cancelled = cancelled;
        this.deadlineNanos = deadlineNanos;
        SocketAddress address = uri.address();
        boolean unix = address instanceof UnixDomainSocketAddress;
        this.socket = unix ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
        try {
            socket.configureBlocking(false);
            this.key = socket.register(selector, 0);
            mayTake(GREETING_NANOS);
            connect(address);
            if (!unix) {
                socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            handshake();
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private void mayTake(long nanos) {
        long now = System.nanoTime();
        limitNanos = now + Math.min(nanos, deadlineNanos - now);
    }

    private void connect(SocketAddress address) throws IOException {
        try {
            if (!socket.connect(address)) {
                do {
                    await(SelectionKey.OP_CONNECT, "connect");
                } while (!socket.finishConnect());
            }
        } catch (SocketException e) {
            throw new IOException("no node listens at " + place(address) + " now (" + e.getMessage() + ")", e);
        }
    }

    private static String place(SocketAddress address) {
        return address instanceof InetSocketAddress inet
                ? inet.getHostString() + ":" + inet.getPort()
                : address.toString();
    }

    private void handshake() throws IOException {
        ByteBuffer greeting = receive(18);
        mayTake(HANDSHAKE_NANOS);
        if (greeting.getLong() != NBDMAGIC || greeting.getLong() != IHAVEOPT || (greeting.getShort() & 1) == 0) {
            throw new IOException(uri + ": what answers there is no NBD server that this client can talk to");
        }
        send(ByteBuffer.allocate(4).putInt(1).flip());
        structured = option(OPT_STRUCTURED_REPLY, new byte[0]) == null;
        byte[] name = uri.export().getBytes(StandardCharsets.UTF_8);
        byte[] data = ByteBuffer.allocate(name.length + 6)
                .putInt(name.length)
                .put(name)
                .putShort((short) 0)
                .array();
        Refusal refusal = option(OPT_GO, data);
        if (refusal != null) {
            throw new RefusedException(refusal);
        }
        if (sizeBytes < 0) {
            throw new IOException(uri + ": the server does not say how large the export is");
        }
    }

    /** Null when the option was accepted, else why not. */
    private @Nullable Refusal option(int option, byte[] data) throws IOException {
        send(ByteBuffer.allocate(16 + data.length)
                .putLong(IHAVEOPT)
                .putInt(option)
                .putInt(data.length)
                .put(data)
                .flip());
        for (int replies = 0; replies < MAX_OPTION_REPLIES; replies++) {
            ByteBuffer head = receive(20);
            long magic = head.getLong();
            int answered = head.getInt();
            int type = head.getInt();
            int length = head.getInt();
            if (magic != OPTION_REPLY_MAGIC || answered != option || length < 0 || length > MAX_OPTION_REPLY_BYTES) {
                throw new IOException(uri + ": the server's answer in the handshake makes no sense");
            }
            ByteBuffer payload = receive(length);
            if (type == REP_ACK) {
                return null;
            }
            if ((type & REP_ERROR) != 0) {
                String text = new String(payload.array(), StandardCharsets.UTF_8);
                return new Refusal(type, text.isEmpty() ? "refused with error " + (type & ~REP_ERROR) : text);
            }
            if (type == REP_INFO && length == 12 && payload.getShort() == 0) {
                sizeBytes = payload.getLong();
            }
        }
        throw new IOException(uri + ": the server's answer in the handshake does not end");
    }

    private void send(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (socket.write(bytes) == 0) {
                await(SelectionKey.OP_WRITE, "send");
            }
        }
    }

    private ByteBuffer receive(int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            int n = socket.read(bytes);
            if (n < 0) {
                throw new IOException(uri + ": the server closed the connection in the handshake");
            }
            if (n == 0) {
                await(SelectionKey.OP_READ, "handshake");
            }
        }
        return bytes.flip();
    }

    private void await(int interest, String what) throws IOException {
        key.interestOps(interest);
        long leftMillis = (limitNanos - System.nanoTime()) / 1_000_000;
        if (leftMillis <= 0) {
            throw new IOException(uri + ": no answer in time (" + what + ")");
        }
        selector.select(Math.min(leftMillis, 1000));
        selector.selectedKeys().clear();
        if (cancelled.getAsBoolean()) {
            throw new IOException("the client was closed");
        }
    }

    NbdUri uri() {
        return uri;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    boolean structured() {
        return structured;
    }

    SocketChannel socket() {
        return socket;
    }

    SelectionKey key() {
        return key;
    }

    /** What was sent and has not left this machine yet is thrown away: it may be sent again elsewhere. */
    @Override
    public void close() {
        try {
            if (!(uri.address() instanceof UnixDomainSocketAddress) && socket.isConnected()) {
                socket.setOption(StandardSocketOptions.SO_LINGER, 0);
            }
            socket.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException("closing a socket to " + uri, e);
        }
    }
}
