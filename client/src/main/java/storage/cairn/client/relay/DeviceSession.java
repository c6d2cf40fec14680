package storage.cairn.client.relay;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import storage.cairn.client.nbd.NbdCommand;

/**
 * The requests of one connection of the device and their replies (specification: {@code doc/proto.md} of the nbd
 * project, "Transmission"; simple replies). One thread reads requests, another one writes replies; what is between them
 * is bounded in number and in bytes, then reading waits.
 */
final class DeviceSession {
    /** Longest read or write. Kernels send at most 1.25 MiB by default, and 32 MiB when told to. */
    static final int MAX_PAYLOAD_BYTES = 32 << 20;

    private static final int MAX_REQUESTS = 256;
    private static final int KIB = 1024;
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int REPLY_MAGIC = 0x67446698;
    private static final int REQUEST_BYTES = 28;
    private static final int CMD_READ = 0;
    private static final int CMD_WRITE = 1;
    private static final int CMD_DISC = 2;
    private static final int CMD_FLUSH = 3;
    private static final int CMD_TRIM = 4;
    private static final int CMD_WRITE_ZEROES = 6;
    private static final int EIO = 5;
    private static final int EINVAL = 22;

    private final SocketChannel socket;
    private final InOrder order;
    private final Semaphore requests = new Semaphore(MAX_REQUESTS);
    private final Semaphore kibibytes = new Semaphore(MAX_PAYLOAD_BYTES / KIB);
    private final BlockingQueue<Reply> replies = new LinkedBlockingQueue<>();

    /** @param data of a read, from its index 0 */
    private record Reply(long cookie, int error, @Nullable ByteBuffer data, int permits) {}

    DeviceSession(SocketChannel socket, InOrder order) {
        this.socket = socket;
        this.order = order;
    }

    /** Serves until the connection ends; requests that are under way then end without a reply. */
    void serve() throws IOException, InterruptedException {
        Thread writer = Thread.ofPlatform().name("replies").daemon().start(this::writeReplies);
        try {
            while (takeRequest()) {}
        } catch (EOFException e) {
            // The device went away without a word, as it does when its program is killed.
            return;
        } finally {
            writer.interrupt();
            writer.join();
        }
    }

    private boolean takeRequest() throws IOException, InterruptedException {
        ByteBuffer head = ByteBuffer.allocate(REQUEST_BYTES);
        DeviceHandshake.fill(socket, head);
        head.flip();
        if (head.getInt() != REQUEST_MAGIC) {
            throw new IOException("a request without its magic number");
        }
        // All flags are met by any write here: it is durable when it is acked.
        head.getShort();
        int type = head.getShort() & 0xffff;
        long cookie = head.getLong();
        long offset = head.getLong();
        int length = head.getInt();
        if (type == CMD_DISC) {
            return false;
        }
        boolean carries = type == CMD_READ || type == CMD_WRITE;
        if (carries && (length < 0 || length > MAX_PAYLOAD_BYTES)) {
            throw new IOException("a request of " + Integer.toUnsignedString(length) + " bytes; at most "
                    + MAX_PAYLOAD_BYTES + " can be read or written at once");
        }
        int permits = carries ? (length + KIB - 1) / KIB : 0;
        requests.acquire();
        kibibytes.acquire(permits);
        ByteBuffer data = ByteBuffer.allocate(carries ? length : 0);
        if (type == CMD_WRITE) {
            DeviceHandshake.fill(socket, data);
        }
        long bytes = Integer.toUnsignedLong(length);
        if (offset < 0 || offset + bytes < 0 || !known(type)) {
            replies.add(new Reply(cookie, EINVAL, null, permits));
        } else if (bytes == 0 && type != CMD_FLUSH) {
            replies.add(new Reply(cookie, 0, null, permits));
        } else {
            start(type, cookie, offset, length, data, permits);
        }
        return true;
    }

    private static boolean known(int type) {
        return switch (type) {
            case CMD_READ, CMD_WRITE, CMD_FLUSH, CMD_TRIM, CMD_WRITE_ZEROES -> true;
            default -> false;
        };
    }

    private void start(int type, long cookie, long offset, int length, ByteBuffer data, int permits) {
        Request[] made = new Request[1];
        NbdCommand command = new NbdCommand(ended -> {
            order.ended(made[0]);
            // What ended as unreachable or closed is no error number of NBD.
            int error = ended.error() < 0 ? EIO : ended.error();
            replies.add(new Reply(cookie, error, type == CMD_READ && error == 0 ? data : null, permits));
        });
        switch (type) {
            case CMD_READ -> command.transfer(NbdCommand.Type.READ, offset, data);
            case CMD_WRITE -> command.transfer(NbdCommand.Type.WRITE, offset, data);
            case CMD_TRIM -> command.range(NbdCommand.Type.TRIM, offset, length);
            case CMD_WRITE_ZEROES -> command.range(NbdCommand.Type.WRITE_ZEROES, offset, length);
            default -> command.range(NbdCommand.Type.FLUSH, 0, 0);
        }
        long end = type == CMD_FLUSH ? offset : offset + Integer.toUnsignedLong(length);
        made[0] = new Request(cookie, offset, end, type != CMD_READ, command);
        order.add(made[0]);
    }

    private void writeReplies() {
        ByteBuffer head = ByteBuffer.allocateDirect(16);
        try {
            while (true) {
                Reply reply = replies.take();
                head.clear()
                        .putInt(REPLY_MAGIC)
                        .putInt(reply.error())
                        .putLong(reply.cookie())
                        .flip();
                ByteBuffer data = reply.data() == null
                        ? ByteBuffer.allocate(0)
                        : reply.data().clear();
                while (head.hasRemaining() || data.hasRemaining()) {
                    socket.write(new ByteBuffer[] {head, data});
                }
                kibibytes.release(reply.permits());
                requests.release();
            }
        } catch (InterruptedException | ClosedChannelException e) {
            // The session ends.
            return;
        } catch (IOException e) {
            Relay.log("replies cannot be written: " + e.getMessage());
        }
        try {
            // The reading half sees the end of the connection then.
            socket.close();
        } catch (IOException e) {
            Relay.log("the connection cannot be closed: " + e.getMessage());
        }
    }
}
