package storage.cairn.engine.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * I25: what a client left unread in a socket that it closed does not begin. The loop is held while the client writes
 * and closes, so that the server finds the commands and the end of the connection at the same time.
 */
class NbdAbandonedTest {
    private static final int SIZE = 1 << 20;

    @TempDir
    Path folder;

    private @Nullable TestServer running;

    @AfterEach
    void stop() throws Exception {
        if (running != null) {
            running.stop();
        }
    }

    private TestServer start(boolean uring) {
        TestServer server = TestServer.start(uring, SIZE, TestServer.settings());
        running = server;
        return server;
    }

    @ParameterizedTest
    @CsvSource({
        "false, unix, close",
        "false, tcp, close",
        "false, tcp, reset",
        "false, unix, disc",
        "true, unix, close",
        "true, tcp, close",
        "true, tcp, reset",
        "true, unix, disc"
    })
    void aWriteLeftInAClosedSocketDoesNotBegin(boolean uring, String socket, String end) throws Exception {
        TestServer server = start(uring);
        WireClient client = connect(server, socket);
        assertThat(client.call(0, NbdWire.CMD_FLUSH, 0, 0).error()).isZero();
        server.onLoop(() -> leave(client, end));
        awaitConnections(server, 0);
        assertThat(server.onLoop(() -> server.volume.content()[4096])).isZero();
        assertThat(server.volume.open).isZero();
    }

    @ParameterizedTest
    @CsvSource({"false, unix", "true, unix", "false, tcp", "true, tcp"})
    void aWriteThatWaitsForItsTurnDoesNotBeginOnceItsClientCameBackElsewhere(boolean uring, String socket)
            throws Exception {
        TestServer server = start(uring);
        server.onLoop(server.volume::hold);
        try (WireClient first = connect(server, socket)) {
            for (int i = 0; i < NbdRequests.MAX; i++) {
                first.request(0, NbdWire.CMD_FLUSH, 0, 0);
            }
            write(first);
            first.flush();
            Awaitility.await().until(() -> server.onLoop(() -> server.volume.outstanding) == NbdRequests.MAX);
            server.onLoop(() -> close(first));
        }
        server.onLoop(server.volume::releaseHeld);
        try (WireClient second = connect(server, socket)) {
            assertThat(second.read(4096, 4096)).containsOnly(0);
            awaitConnections(server, 1);
            assertThat(second.read(4096, 4096)).containsOnly(0);
        }
        awaitConnections(server, 0);
    }

    private WireClient connect(TestServer server, String socket) throws Exception {
        WireClient client;
        if (socket.equals("unix")) {
            client = WireClient.unix(server.listenUnix(folder));
        } else {
            InetSocketAddress address = server.listenTcp();
            client = WireClient.tcp(address);
        }
        return client.greet().go(TestServer.NAME);
    }

    private void leave(WireClient client, String end) {
        try {
            write(client);
            if (end.equals("disc")) {
                client.request(0, NbdWire.CMD_DISC, 0, 0);
            }
            client.flush();
            if (end.equals("reset")) {
                client.socket.setOption(java.net.StandardSocketOptions.SO_LINGER, 0);
            }
            client.close();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void write(WireClient client) throws java.io.IOException {
        client.request(0, NbdWire.CMD_WRITE, 4096, 4096);
        client.out.write(MemoryVolume.pattern(1, 4096).array());
    }

    private static void close(WireClient client) {
        try {
            client.close();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void awaitConnections(TestServer server, long count) {
        Awaitility.await()
                .atMost(3, TimeUnit.MINUTES)
                .until(() -> server.onLoop(() -> server.server.metrics().connections()) == count);
    }
}
