package storage.cairn.engine.nbd;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A blocking client that speaks NBD byte by byte, so that tests can say anything. Written from the specification. */
final class WireClient implements AutoCloseable {
    final SocketChannel socket;
    final DataInputStream in;
    final DataOutputStream out;
    boolean structured;
    long size;
    int flags;
    private long nextCookie = 1;

    WireClient(SocketAddress address) throws IOException {
        socket = address instanceof UnixDomainSocketAddress
                ? SocketChannel.open(StandardProtocolFamily.UNIX)
                : SocketChannel.open();
        socket.connect(address);
        in = new DataInputStream(Channels.newInputStream(socket));
        out = new DataOutputStream(new java.io.BufferedOutputStream(Channels.newOutputStream(socket), 1 << 16));
    }

    static WireClient unix(Path socket) throws IOException {
        return new WireClient(UnixDomainSocketAddress.of(socket));
    }

    static WireClient tcp(InetSocketAddress address) throws IOException {
        return new WireClient(address);
    }

    record OptionReply(int option, int type, byte[] data) {
        String text() {
            return new String(data, StandardCharsets.UTF_8);
        }
    }

    /** One reply with all its chunks: the data in the order of its arrival. */
    record Reply(long cookie, int error, String message, byte[] data, int chunks) {}

    WireClient greet() throws IOException {
        if (in.readLong() != 0x4e42444d41474943L || in.readLong() != 0x49484156454f5054L || in.readShort() != 3) {
            throw new IOException("no greeting");
        }
        out.writeInt(3);
        out.flush();
        return this;
    }

    void option(int option, byte[] data) throws IOException {
        out.writeLong(0x49484156454f5054L);
        out.writeInt(option);
        out.writeInt(data.length);
        out.write(data);
        out.flush();
    }

    OptionReply optionReply() throws IOException {
        if (in.readLong() != 0x3e889045565a9L) {
            throw new IOException("no option reply");
        }
        int option = in.readInt();
        int type = in.readInt();
        return new OptionReply(option, type, in.readNBytes(in.readInt()));
    }

    static byte[] infoData(String name, int... requests) {
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.allocate(6 + text.length + 2 * requests.length);
        data.putInt(text.length).put(text).putShort((short) requests.length);
        for (int request : requests) {
            data.putShort((short) request);
        }
        return data.array();
    }

    static byte[] contextData(String name, String... queries) {
        ByteBuffer data = ByteBuffer.allocate(8192);
        data.putInt(name.length()).put(name.getBytes(StandardCharsets.UTF_8)).putInt(queries.length);
        for (String query : queries) {
            data.putInt(query.length()).put(query.getBytes(StandardCharsets.UTF_8));
        }
        return java.util.Arrays.copyOf(data.array(), data.position());
    }

    WireClient structured() throws IOException {
        option(8, new byte[0]);
        structured = optionReply().type() == 1;
        return this;
    }

    WireClient blockStatus(String name) throws IOException {
        option(10, contextData(name, "base:allocation"));
        while (optionReply().type() != 1) {}
        return this;
    }

    WireClient go(String name) throws IOException {
        option(7, infoData(name, 3));
        for (OptionReply reply = optionReply(); reply.type() != 1; reply = optionReply()) {
            if (reply.type() != 3) {
                throw new IOException("refused: " + reply.text());
            }
            ByteBuffer data = ByteBuffer.wrap(reply.data());
            if (data.getShort() == 0) {
                size = data.getLong();
                flags = data.getShort();
            }
        }
        return this;
    }

    long request(int flags, int type, long offset, int length) throws IOException {
        long cookie = nextCookie++;
        out.writeInt(0x25609513);
        out.writeShort(flags);
        out.writeShort(type);
        out.writeLong(cookie);
        out.writeLong(offset);
        out.writeInt(length);
        return cookie;
    }

    long write(long offset, byte[] data) throws IOException {
        long cookie = request(0, NbdWire.CMD_WRITE, offset, data.length);
        out.write(data);
        return cookie;
    }

    void flush() throws IOException {
        out.flush();
    }

    /** One message; for simple replies {@code readBytes} says how much data follows one without an error. */
    Reply reply(int readBytes) throws IOException {
        byte[] data = new byte[0];
        int chunks = 0;
        int error = 0;
        String message = "";
        while (true) {
            int magic = in.readInt();
            if (magic == 0x67446698) {
                error = in.readInt();
                long cookie = in.readLong();
                return new Reply(cookie, error, "", error == 0 ? in.readNBytes(readBytes) : data, 0);
            }
            if (magic != 0x668e33ef) {
                throw new IOException("no reply: " + Integer.toHexString(magic));
            }
            int replyFlags = in.readUnsignedShort();
            int type = in.readUnsignedShort();
            long cookie = in.readLong();
            ByteBuffer payload = ByteBuffer.wrap(in.readNBytes(in.readInt()));
            chunks++;
            if (type == 1) {
                payload.getLong();
                int at = data.length;
                data = java.util.Arrays.copyOf(data, at + payload.remaining());
                payload.get(data, at, data.length - at);
            } else if (type == 5) {
                data = payload.array();
            } else if (type == 0x8001) {
                error = payload.getInt();
                message = new String(payload.array(), 6, payload.getShort(), StandardCharsets.US_ASCII);
            } else if (type != 0) {
                throw new IOException("unexpected chunk " + type);
            }
            if ((replyFlags & 1) != 0) {
                return new Reply(cookie, error, message, data, chunks);
            }
        }
    }

    Reply call(int requestFlags, int type, long offset, int length) throws IOException {
        request(requestFlags, type, offset, length);
        flush();
        return reply(type == NbdWire.CMD_READ ? length : 0);
    }

    byte[] read(long offset, int length) throws IOException {
        Reply reply = call(0, NbdWire.CMD_READ, offset, length);
        if (reply.error() != 0) {
            throw new IOException("error " + reply.error());
        }
        return reply.data();
    }

    boolean atEnd() throws IOException {
        try {
            return in.read() < 0;
        } catch (IOException e) {
            return true; // Reset: closed with something unread.
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
