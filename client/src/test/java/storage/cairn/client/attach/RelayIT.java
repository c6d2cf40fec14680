package storage.cairn.client.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.client.load.LoadSettings;
import storage.cairn.client.load.VerifyingLoad;
import storage.cairn.client.nbd.FakeNode;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;
import storage.cairn.client.nbd.RecordingListener;

/** The process behind a device, with an NBD client in the device's place. */
final class RelayIT {
    private static final int SIZE = 4 << 20;

    @TempDir
    private Path dir = Path.of("");

    private final FakeNode.Medium medium = new FakeNode.Medium(SIZE);
    private final RecordingListener listener = new RecordingListener();
    private long pid;

    private RelayProcess relay() {
        return new RelayProcess(dir.resolve("relay"), dir.resolve("log"), new Helper(null));
    }

    private NbdUri start(FakeNode... nodes) throws IOException {
        pid = relay().start(
                        List.of(nodes).stream().map(node -> node.uri().text()).toList(), false);
        return NbdUri.parse("nbd+unix:///?socket=" + relay().socket());
    }

    @AfterEach
    void endRelay() throws IOException {
        relay().end(pid);
        await().until(() -> !relay().runs(pid));
        assertThat(dir.resolve("relay")).doesNotExist();
    }

    private static NbdCommand call(NbdClient client, NbdCommand.Type type, long offset, ByteBuffer data)
            throws InterruptedException {
        BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(1);
        client.submit(new NbdCommand(ended::add).transfer(type, offset, data));
        NbdCommand command = ended.poll(3, TimeUnit.MINUTES);
        if (command == null) {
            throw new AssertionError("no reply");
        }
        return command;
    }

    private NbdClient client(NbdUri uri) {
        return new NbdClient(List.of(uri), new NbdClient.Settings(32, 120_000), listener);
    }

    @Test
    void aLoadGoesOnAtTheOtherNodeWithoutAnErrorOrAWrongByte() throws Exception {
        List<NbdUri> nodes;
        try (FakeNode first = new FakeNode(medium, dir.resolve("a.sock"));
                FakeNode second = new FakeNode(medium, dir.resolve("b.sock"))) {
            nodes = List.of(first.uri(), second.uri());
            NbdUri uri = start(first, second);
            LoadSettings settings = LoadSettings.of("vol", 21).withIo(4096, 1, 32);
            try (VerifyingLoad load = VerifyingLoad.open(List.of(uri), settings, listener)) {
                load.start();
                for (int i = 0; i < 6; i++) {
                    long before = load.total().writes();
                    await().until(() -> load.total().writes() > before + 500);
                    FakeNode leaving = i % 2 == 0 ? first : second;
                    (i % 2 == 0 ? second : first).refuse(null);
                    leaving.refuse("the other one serves it");
                    leaving.fence();
                }
                load.stop();
                assertThat(load.firstError()).isNull();
                assertThat(load.verifyAll((done, all) -> {})).isTrue();
                assertThat(load.violations()).isEmpty();
            }
        }
        assertThat(Files.readString(dir.resolve("log")))
                .contains(
                        "Z served by " + nodes.getFirst(), "Z no longer served by ", "Z served by " + nodes.getLast());
        assertThat(listener.events)
                .containsExactly("connected " + NbdUri.parse("nbd+unix:///?socket=" + relay().socket()));
    }

    @Test
    void anErrorOfTheNodeReachesTheDevice() throws Exception {
        try (FakeNode node = new FakeNode(medium, dir.resolve("a.sock"));
                NbdClient client = client(start(node))) {
            assertThat(client.awaitSizeBytes()).isEqualTo(SIZE);
            medium.lieOnce(FakeNode.Lie.DROP_AND_FAIL);
            assertThat(call(client, NbdCommand.Type.WRITE, 0, ByteBuffer.allocate(4096))
                            .error())
                    .isPositive();
            assertThat(call(client, NbdCommand.Type.WRITE, 0, ByteBuffer.allocate(4096))
                            .error())
                    .isZero();
        }
    }

    @Test
    void aDeviceOfAnExportThatExistsNoMoreFailsInsteadOfWaiting() throws Exception {
        try (FakeNode node = new FakeNode(medium, dir.resolve("a.sock"));
                NbdClient client = client(start(node))) {
            client.awaitSizeBytes();
            node.forget();
            node.fence();
            await().until(() -> Files.readString(dir.resolve("log")).contains("was superseded"));
            assertThat(call(client, NbdCommand.Type.READ, 0, ByteBuffer.allocate(4096))
                            .error())
                    .isEqualTo(5);
        }
    }

    @Test
    void aClientThatTalksNonsenseEndsItsConnectionAndNothingElse() throws Exception {
        try (FakeNode node = new FakeNode(medium, dir.resolve("a.sock"))) {
            NbdUri uri = start(node);
            byte[][] openings = {
                {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, {0, 0, 0, 3}, {}
            };
            for (byte[] opening : openings) {
                try (SocketChannel raw = SocketChannel.open(UnixDomainSocketAddress.of(relay().socket()))) {
                    raw.write(ByteBuffer.wrap(opening));
                }
            }
            try (NbdClient client = client(uri)) {
                assertThat(client.awaitSizeBytes()).isEqualTo(SIZE);
            }
        }
    }

    @Test
    void whatCannotStartIsAFailureThatSaysWhy() {
        assertThatThrownBy(() -> relay().start(List.of("http://127.0.0.1/x"), false))
                .isInstanceOf(AttachException.class)
                .hasMessageContaining("ended");
    }

    @Test
    void aSocketPathThatIsTooLongForTheKernelIsReplaced() {
        RelayProcess far = new RelayProcess(Path.of("/" + "x".repeat(120)), dir.resolve("log"), new Helper(null));

        assertThat(far.socket().toString()).startsWith("/run/cairn-").hasSizeLessThan(108);
    }
}
