package storage.cairn.client.nbd;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import storage.cairn.engine.fuzz.FuzzTarget;

/**
 * What a server sends to the NBD client, from the first byte on. The first byte of an input says whether the handshake
 * was done before (128) and whether it agreed on structured replies (64), so that replies are reached soon. Whatever it
 * is, each command ends once or is given back to be sent elsewhere, with an error that a server may send, and a read
 * that succeeded was filled from end to end.
 */
public final class NbdClientFuzz implements FuzzTarget {
    private static final int DONE = 128;
    private static final int STRUCTURED = 64;
    private static final int COMMANDS = 4;
    private static final int READ_BYTES = 8192;
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final byte UNTOUCHED = 0x5a;

    private final Path folder;
    private final NbdUri uri;
    private final ServerSocketChannel listening;
    private final Selector selector;
    private final BlockingQueue<ByteBuffer> toSend = new LinkedBlockingQueue<>();
    private final Thread server;

    public NbdClientFuzz() {
        try {
            folder = Files.createTempDirectory("cairn-fuzz");
            Path socket = folder.resolve("s");
            uri = NbdUri.parse("nbd+unix:///x?socket=" + socket);
            listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
            selector = Selector.open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server = Thread.ofPlatform().daemon().name("fuzz-server").start(this::serve);
    }

    private void serve() {
        ByteBuffer ignored = ByteBuffer.allocate(64 << 10);
        while (listening.isOpen()) {
            try (SocketChannel client = listening.accept()) {
                ByteBuffer bytes = toSend.take();
                while (bytes.hasRemaining()) {
                    client.write(bytes);
                }
                client.shutdownOutput();
                while (client.read(ignored.clear()) >= 0) {}
            } catch (ClosedChannelException closed) {
                return;
            } catch (IOException gone) {
                // The client has had enough of it.
                continue;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        boolean done = (input[0] & DONE) != 0;
        byte[] before = done ? handshake((input[0] & STRUCTURED) != 0) : new byte[0];
        ByteBuffer bytes = ByteBuffer.allocate(before.length + input.length - 1);
        toSend.add(bytes.put(before).put(input, 1, input.length - 1).flip());
        try (NbdConnection connection =
                new NbdConnection(uri, selector, System.nanoTime() + PATIENCE_NANOS, () -> false)) {
            require(connection.sizeBytes() >= 0, "an export of a negative size");
            talk(connection);
        } catch (IOException refused) {
            require(refused.getMessage() != null, "a refusal without a reason");
        }
    }

    private void talk(NbdConnection connection) {
        NbdTransfer transfer = new NbdTransfer(COMMANDS);
        transfer.begin(connection.structured());
        List<NbdCommand> ended = new ArrayList<>();
        List<NbdCommand> started = List.of(
                new NbdCommand(ended::add).transfer(NbdCommand.Type.READ, 4096, filled(READ_BYTES)),
                new NbdCommand(ended::add).transfer(NbdCommand.Type.WRITE, 16_384, filled(4096)),
                new NbdCommand(ended::add).transfer(NbdCommand.Type.READ, 1L << 40, filled(READ_BYTES)),
                new NbdCommand(ended::add).range(NbdCommand.Type.TRIM, 0, 1 << 30));
        started.forEach(command -> command.submitted(0));
        started.forEach(transfer::start);
        String reason = "";
        try {
            transfer.send(connection.socket());
            while (reason.isEmpty()) {
                transfer.receive(connection);
                selector.selectedKeys().clear();
                connection.key().interestOps(java.nio.channels.SelectionKey.OP_READ);
                selector.select();
            }
        } catch (IOException over) {
            require(over.getMessage() != null, "an end without a reason");
        }
        ArrayDeque<NbdCommand> back = new ArrayDeque<>();
        int count = transfer.takeBack(back);
        require(count == back.size(), "a wrong number of commands without a reply");
        require(ended.stream().distinct().count() == ended.size(), "a command ended twice");
        for (NbdCommand command : started) {
            require(ended.contains(command) != back.contains(command), "a command neither ended nor was given back");
        }
        ended.forEach(NbdClientFuzz::check);
    }

    private static void check(NbdCommand command) {
        require(command.error() >= 0, "a server ended a command with what only this client may say");
        boolean filled = command.type() == NbdCommand.Type.READ && command.error() == 0;
        for (int at = 0; filled && at < command.length(); at++) {
            require(command.data().get(at) != UNTOUCHED, "a read succeeded and was not filled at " + at);
        }
    }

    private static ByteBuffer filled(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        java.util.Arrays.fill(buffer.array(), UNTOUCHED);
        return buffer;
    }

    private static byte[] handshake(boolean structured) {
        ByteBuffer out = ByteBuffer.allocate(256);
        out.putLong(0x4e42444d41474943L).putLong(0x49484156454f5054L).putShort((short) 3);
        option(out, 8, structured ? 1 : 1 << 31 | 1, 0);
        option(out, 7, 3, 12);
        out.putShort((short) 0).putLong(1L << 41).putShort((short) 1);
        option(out, 7, 1, 0);
        byte[] bytes = new byte[out.position()];
        out.flip().get(bytes);
        return bytes;
    }

    private static void option(ByteBuffer out, int option, int type, int length) {
        out.putLong(0x3e889045565a9L).putInt(option).putInt(type).putInt(length);
    }

    static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    @Override
    public List<byte[]> seeds() {
        ByteBuffer simple = ByteBuffer.allocate(32 << 10).put((byte) DONE);
        simpleReply(simple, 0, 0).put(new byte[READ_BYTES]);
        simpleReply(simple, 1, 28);
        simpleReply(simple, 3, 0);
        ByteBuffer chunks = ByteBuffer.allocate(32 << 10).put((byte) (DONE | STRUCTURED));
        chunk(chunks, 0, 1, 0, 8 + 4096).putLong(4096).put(new byte[4096]);
        chunk(chunks, 0, 2, 1, 12).putLong(8192).putInt(4096);
        chunk(chunks, 0, 0x8001, 2, 9)
                .putInt(5)
                .putShort((short) 3)
                .put("bad".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        chunk(chunks, 1, 0, 2, 0);
        chunk(chunks, 1, 0, 1, 0);
        ByteBuffer whole = ByteBuffer.allocate(1024).put((byte) 0).put(handshake(true));
        chunk(whole, 1, 0x8002, 0, 6).putInt(108).putShort((short) 0);
        return List.of(used(simple), used(chunks), used(whole));
    }

    private static ByteBuffer simpleReply(ByteBuffer out, long cookie, int error) {
        return out.putInt(0x67446698).putInt(error).putLong(cookie);
    }

    private static ByteBuffer chunk(ByteBuffer out, int flags, int type, long cookie, int length) {
        return out.putInt(0x668e33ef)
                .putShort((short) flags)
                .putShort((short) type)
                .putLong(cookie)
                .putInt(length);
    }

    private static byte[] used(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.position()];
        buffer.flip().get(bytes);
        return bytes;
    }

    @Override
    public void close() {
        try {
            listening.close();
            server.interrupt();
            selector.close();
            Files.deleteIfExists(folder.resolve("s"));
            Files.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // The commands' own data, a socket, an answer of an option at a time, and texts.
        return (512 << 10) + 64L * inputBytes;
    }
}
