package storage.cairn.client.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The requests that are under way on a connection: writes them out, matches replies to them (specification:
 * {@code doc/proto.md} of the nbd project, "Transmission"), and gives back what was not answered.
 */
final class NbdTransfer {
    private static final int REQUEST_MAGIC = 0x25609513;
    private static final int SIMPLE_MAGIC = 0x67446698;
    private static final int CHUNK_MAGIC = 0x668e33ef;
    private static final int CHUNK_DATA = 1;
    private static final int CHUNK_HOLE = 2;
    private static final int ERROR_BIT = 0x8000;
    private static final int ESHUTDOWN = 108;
    private static final int EIO = 5;
    private static final int REQUEST_BYTES = 28;
    private static final int BUFFER_BYTES = 256 << 10;
    private static final int MAX_TEXT_BYTES = 8192;

    private final @Nullable NbdCommand[] slots;
    private final int[] free;
    private int freeCount;
    /** Those in slots, in the order in which they were sent. */
    private final Deque<NbdCommand> order = new ArrayDeque<>();

    private final ArrayDeque<NbdCommand> toSend = new ArrayDeque<>();
    private final ByteBuffer out = ByteBuffer.allocateDirect(BUFFER_BYTES);
    private final ByteBuffer in = ByteBuffer.allocateDirect(BUFFER_BYTES);
    /** The write whose data goes out now, and how much of it did. */
    private @Nullable NbdCommand sending;

    private int sent;
    /** Whether its reply is here already: its data is still needed until all of it has gone out. */
    private boolean sendingAnswered;
    /** The read whose data comes in now, where it goes, and how much of it is to come. */
    private @Nullable NbdCommand filling;

    private int fillAt;
    private int fillLeft;
    private boolean fillEnds;
    private boolean structured;

    NbdTransfer(int depth) {
        slots = new NbdCommand[depth];
        free = new int[depth];
        while (freeCount < depth) {
            free[freeCount] = freeCount++;
        }
    }

    void begin(boolean withStructuredReplies) {
        structured = withStructuredReplies;
        out.clear();
        in.clear();
        sending = null;
        sendingAnswered = false;
        filling = null;
    }

    boolean hasRoom() {
        return freeCount > 0;
    }

    /** Whether a reply is due. */
    boolean waits() {
        return !order.isEmpty();
    }

    void start(NbdCommand command) {
        int slot = free[--freeCount];
        command.slot = slot;
        slots[slot] = command;
        order.add(command);
        toSend.add(command);
    }

    /** Puts what has no reply at the head of {@code waiting}, in the order in which it was sent. */
    int takeBack(Deque<NbdCommand> waiting) {
        int count = order.size();
        for (NbdCommand command = order.pollLast(); command != null; command = order.pollLast()) {
            slots[command.slot] = null;
            free[freeCount++] = command.slot;
            command.slot = -1;
            command.resent();
            waiting.addFirst(command);
        }
        toSend.clear();
        return count;
    }

    /** Sends what the socket takes; whether that was all. */
    boolean send(SocketChannel socket) throws IOException {
        while (true) {
            gather();
            out.flip();
            if (!out.hasRemaining()) {
                out.clear();
                return true;
            }
            int n = socket.write(out);
            out.compact();
            if (n == 0) {
                return false;
            }
        }
    }

    private void gather() throws IOException {
        while (true) {
            NbdCommand write = sending;
            if (write != null) {
                int n = Math.min(write.length() - sent, out.remaining());
                out.put(out.position(), write.data(), sent, n).position(out.position() + n);
                sent += n;
                if (sent < write.length()) {
                    return;
                }
                sending = null;
                if (sendingAnswered) {
                    sendingAnswered = false;
                    end(write);
                }
            }
            if (toSend.isEmpty() || out.remaining() < REQUEST_BYTES) {
                return;
            }
            NbdCommand command = toSend.remove();
            command.begun = true;
            out.putInt(REQUEST_MAGIC)
                    .putShort((short) 0)
                    .putShort((short) command.type().wire)
                    .putLong(command.slot)
                    .putLong(command.offset())
                    .putInt(command.length());
            if (command.type() == NbdCommand.Type.WRITE) {
                sending = command;
                sent = 0;
            }
        }
    }

    /** Takes what arrived, if anything did. An exception means that nothing more of this connection makes sense. */
    boolean receive(NbdConnection connection) throws IOException {
        boolean any = false;
        while (true) {
            int n = connection.socket().read(in);
            any |= n > 0;
            in.flip();
            boolean more = true;
            while (more) {
                more = step();
            }
            in.compact();
            if (n < 0) {
                throw new IOException("the server closed the connection");
            }
            if (n == 0) {
                return any;
            }
        }
    }

    private boolean step() throws IOException {
        NbdCommand read = filling;
        if (read != null) {
            int n = Math.min(fillLeft, in.remaining());
            read.data().put(fillAt, in, in.position(), n);
            in.position(in.position() + n);
            fillAt += n;
            fillLeft -= n;
            read.received += n;
            if (fillLeft > 0) {
                return false;
            }
            filling = null;
            if (fillEnds) {
                end(read);
            }
            return true;
        }
        if (in.remaining() < 16) {
            return false;
        }
        int magic = in.getInt(in.position());
        if (magic == SIMPLE_MAGIC) {
            return simple();
        }
        if (magic == CHUNK_MAGIC && structured) {
            return chunk();
        }
        throw new IOException("the server sent something that is no reply: 0x" + Integer.toHexString(magic));
    }

    private NbdCommand command(long cookie) throws IOException {
        NbdCommand command = cookie >= 0 && cookie < slots.length ? slots[(int) cookie] : null;
        if (command == null || !command.begun) {
            throw new IOException("the server answered a request that was not made: " + cookie);
        }
        return command;
    }

    private boolean simple() throws IOException {
        NbdCommand command = command(in.getLong(in.position() + 8));
        int error = in.getInt(in.position() + 4);
        command.chunkError = error < 0 ? EIO : error;
        in.position(in.position() + 16);
        if (command.type() == NbdCommand.Type.READ && command.chunkError == 0) {
            checkNext(command, 0, command.length());
            fill(command, 0, command.length(), true);
        } else {
            end(command);
        }
        return true;
    }

    private void fill(NbdCommand command, int at, int length, boolean ends) {
        filling = command;
        fillAt = at;
        fillLeft = length;
        fillEnds = ends;
    }

    private boolean chunk() throws IOException {
        if (in.remaining() < 20) {
            return false;
        }
        int at = in.position();
        boolean done = (in.getShort(at + 4) & 1) != 0;
        int type = in.getShort(at + 6) & 0xffff;
        NbdCommand command = command(in.getLong(at + 8));
        long length = in.getInt(at + 16) & 0xffffffffL;
        int start = at + 20;
        if (type == CHUNK_DATA) {
            if (in.remaining() < 28) {
                return false;
            }
            long from = in.getLong(start) - command.offset();
            checkNext(command, from, length - 8);
            in.position(start + 8);
            fill(command, (int) from, (int) (length - 8), done);
            return true;
        }
        if (length > MAX_TEXT_BYTES) {
            throw new IOException("the server sent a chunk of type " + type + " and " + length + " bytes");
        }
        if (in.remaining() < 20 + length) {
            return false;
        }
        if (type == CHUNK_HOLE && length == 12) {
            long from = in.getLong(start) - command.offset();
            int count = in.getInt(start + 8);
            checkNext(command, from, count);
            for (int i = 0; i < count; i++) {
                command.data().put((int) from + i, (byte) 0);
            }
            command.received += count;
        } else if ((type & ERROR_BIT) != 0 && length >= 6) {
            int error = in.getInt(start);
            // Numbers below 0 are this client's own.
            command.chunkError = error <= 0 ? EIO : error;
            byte[] text = new byte[(int) Math.min(in.getShort(start + 4) & 0xffff, length - 6)];
            in.get(start + 6, text);
            command.message = new String(text, StandardCharsets.UTF_8);
        } else if (type != 0) {
            throw new IOException("the server sent a chunk of type " + type + " and " + length + " bytes");
        }
        in.position(start + (int) length);
        if (done) {
            end(command);
        }
        return true;
    }

    /** Data comes in order and once, as Cairn's engines send it, so that its length tells that nothing is missing. */
    private static void checkNext(NbdCommand command, long from, long length) throws IOException {
        if (command.type() != NbdCommand.Type.READ
                || length < 1
                || from != command.received
                || from > command.length() - length) {
            throw new IOException("the server sent data that was not asked for");
        }
    }

    private void end(NbdCommand command) throws IOException {
        if (command.chunkError == ESHUTDOWN) {
            throw new IOException("the server shuts down");
        }
        if (command.type() == NbdCommand.Type.READ && command.chunkError == 0 && command.received != command.length()) {
            throw new IOException(
                    "the server answered a read of " + command.length() + " bytes with " + command.received);
        }
        if (command.equals(sending)) {
            sendingAnswered = true;
            return;
        }
        slots[command.slot] = null;
        free[freeCount++] = command.slot;
        order.remove(command);
        command.end(command.chunkError, System.nanoTime());
    }
}
