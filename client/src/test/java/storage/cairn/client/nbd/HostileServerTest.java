package storage.cairn.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a server sends is checked before it is used: a place far outside of what was asked for, too. */
class HostileServerTest {
    private static final long SIZE = 1 << 20;
    private final RecordingListener listener = new RecordingListener();

    private interface Reply {
        void send(DataOutputStream out, long cookie) throws IOException;
    }

    /** Serves connections one after the other: the handshake, then {@code reply} to the first request. */
    private static final class Server implements AutoCloseable {
        private final ServerSocket socket = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
        private final Thread thread;

        Server(Reply reply) throws IOException {
            thread = Thread.ofPlatform().start(() -> {
                while (!socket.isClosed()) {
                    try (Socket client = socket.accept()) {
                        serve(client, reply);
                    } catch (IOException e) {
                        // The client, or the test, has had enough.
                        continue;
                    }
                }
            });
        }

        private static void serve(Socket client, Reply reply) throws IOException {
            DataInputStream in = new DataInputStream(client.getInputStream());
            DataOutputStream out = new DataOutputStream(client.getOutputStream());
            out.writeLong(0x4e42444d41474943L);
            out.writeLong(0x49484156454f5054L);
            out.writeShort(3);
            in.readInt();
            for (int option = 0; option != 7; ) {
                in.readLong();
                option = in.readInt();
                in.readNBytes(in.readInt());
                if (option == 7) {
                    optionReply(out, option, 3, 12);
                    out.writeShort(0);
                    out.writeLong(SIZE);
                    out.writeShort(1);
                }
                optionReply(out, option, 1, 0);
            }
            in.readLong();
            long cookie = in.readLong();
            in.readNBytes(12);
            reply.send(out, cookie);
            in.read();
        }

        private static void optionReply(DataOutputStream out, int option, int type, int length) throws IOException {
            out.writeLong(0x3e889045565a9L);
            out.writeInt(option);
            out.writeInt(type);
            out.writeInt(length);
        }

        NbdUri uri() {
            return NbdUri.parse("nbd://127.0.0.1:" + socket.getLocalPort() + "/x");
        }

        @Override
        public void close() throws IOException {
            socket.close();
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void expect(Reply reply, String reason) throws Exception {
        try (Server server = new Server(reply);
                NbdClient client = new NbdClient(List.of(server.uri()), new NbdClient.Settings(4, 10_000), listener)) {
            BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(1);
            client.submit(new NbdCommand(ended::add).transfer(NbdCommand.Type.READ, 4096, ByteBuffer.allocate(4096)));
            await().atMost(3, TimeUnit.MINUTES)
                    .until(() -> listener.events.stream().anyMatch(event -> event.contains(reason)));
            assertThat(ended).as("a read that was not answered").isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 8192, Long.MAX_VALUE, Long.MIN_VALUE, Long.MIN_VALUE + 3995})
    void dataOutsideOfWhatWasAskedForIsRefused(long offset) throws Exception {
        expect(
                (out, cookie) -> {
                    out.writeInt(0x668e33ef);
                    out.writeShort(1);
                    out.writeShort(1);
                    out.writeLong(cookie);
                    out.writeInt(8 + 200);
                    out.writeLong(offset);
                    out.write(new byte[200]);
                },
                "not asked for");
    }

    private static void data(DataOutputStream out, long cookie, int flags, long offset, int length) throws IOException {
        out.writeInt(0x668e33ef);
        out.writeShort(flags);
        out.writeShort(1);
        out.writeLong(cookie);
        out.writeInt(8 + length);
        out.writeLong(offset);
        out.write(new byte[length]);
    }

    @Test
    void theSamePartTwiceDoesNotMakeAWhole() throws Exception {
        expect(
                (out, cookie) -> {
                    data(out, cookie, 0, 4096, 2048);
                    data(out, cookie, 1, 4096, 2048);
                },
                "not asked for");
    }

    @Test
    void anErrorThatIsNoneOfNbdIsAnInputOutputErrorAndNotThisClientsOwn() throws Exception {
        Reply reply = (out, cookie) -> {
            out.writeInt(0x67446698);
            out.writeInt(NbdCommand.UNREACHABLE);
            out.writeLong(cookie);
        };
        try (Server server = new Server(reply);
                NbdClient client = new NbdClient(List.of(server.uri()), new NbdClient.Settings(4, 10_000), listener)) {
            BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(1);
            client.submit(new NbdCommand(ended::add).transfer(NbdCommand.Type.READ, 4096, ByteBuffer.allocate(4096)));
            await().atMost(3, TimeUnit.MINUTES).until(() -> !ended.isEmpty());
            assertThat(ended.element().error()).isEqualTo(5);
        }
    }

    @Test
    void aReplyToWhatWasNotSentYetIsRefused() throws Exception {
        // More than socket buffers and the client's own hold: the second write waits behind the first.
        try (Server server = new Server((out, cookie) -> {
                    out.writeInt(0x67446698);
                    out.writeInt(0);
                    out.writeLong(cookie == 0 ? 1 : 0);
                });
                NbdClient client = new NbdClient(List.of(server.uri()), new NbdClient.Settings(4, 10_000), listener)) {
            BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(2);
            for (int i = 0; i < 2; i++) {
                client.submit(
                        new NbdCommand(ended::add).transfer(NbdCommand.Type.WRITE, 0, ByteBuffer.allocate(64 << 20)));
            }
            await().atMost(3, TimeUnit.MINUTES)
                    .until(() -> listener.events.stream().anyMatch(event -> event.contains("was not made")));
            assertThat(ended).as("a write that was not sent").isEmpty();
        }
    }

    @Test
    void aHandshakeThatDoesNotEndIsLeft() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            Thread.ofPlatform().daemon().start(() -> talkForEver(socket));
            NbdUri uri = NbdUri.parse("nbd://127.0.0.1:" + socket.getLocalPort() + "/x");
            try (NbdClient client = new NbdClient(List.of(uri), new NbdClient.Settings(4, 10_000), listener)) {
                await().atMost(3, TimeUnit.MINUTES)
                        .until(() -> listener.events.stream().anyMatch(event -> event.contains("does not end")));
                assertThat(client.connectedTo()).isEqualTo(uri);
            }
        }
    }

    private static void talkForEver(ServerSocket socket) {
        while (!socket.isClosed()) {
            try (Socket client = socket.accept()) {
                DataOutputStream out = new DataOutputStream(client.getOutputStream());
                out.writeLong(0x4e42444d41474943L);
                out.writeLong(0x49484156454f5054L);
                out.writeShort(3);
                while (true) {
                    Server.optionReply(out, 8, 3, 0);
                }
            } catch (IOException e) {
                // The client, or the test, has had enough.
                continue;
            }
        }
    }

    @Test
    void aReplyToNothingIsRefused() throws Exception {
        expect(
                (out, cookie) -> {
                    out.writeInt(0x67446698);
                    out.writeInt(0);
                    out.writeLong(cookie + 1);
                },
                "a request that was not made");
    }
}
