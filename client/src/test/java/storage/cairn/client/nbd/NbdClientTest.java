package storage.cairn.client.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NbdClientTest {
    private static final NbdClient.Settings SETTINGS = new NbdClient.Settings(32, 10_000);

    @TempDir
    Path folder;

    private final RecordingListener listener = new RecordingListener();

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

    private static ByteBuffer random(long seed, int length) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return ByteBuffer.wrap(bytes);
    }

    @Test
    void parsesUrisAndSaysWhatIsWrongWithOthers() {
        NbdUri unix = NbdUri.parse("nbd+unix:///vol/a-b?socket=/tmp/a%20b.sock");
        assertThat(unix.export()).isEqualTo("vol/a-b");
        assertThat(unix.address()).hasToString("/tmp/a b.sock");
        NbdUri tcp = NbdUri.parse("nbd://127.0.0.1:4321/vol/x");
        assertThat(tcp.export()).isEqualTo("vol/x");
        assertThat(tcp.address()).hasToString("/127.0.0.1:4321");
        assertThatThrownBy(() -> NbdUri.parse("http://x/y")).hasMessageContaining("neither nbd://");
        assertThatThrownBy(() -> NbdUri.parse("nbd+unix:///x")).hasMessageContaining("names no socket");
        assertThatThrownBy(() -> NbdUri.parse("nbd:///x")).hasMessageContaining("names no host");
        assertThatThrownBy(() -> NbdUri.parse("nbd://a b/x")).hasMessageContaining("is no URI");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsBackWhatItWroteAtEverySize(boolean tcp) throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(8 << 20);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"));
                NbdClient client = new NbdClient(List.of(tcp ? node.tcpUri() : node.uri()), SETTINGS, listener)) {
            assertThat(client.awaitSizeBytes()).isEqualTo(8 << 20);
            for (int length : new int[] {1, 4096, 10_000, 300_000, 1 << 20, 5 << 20}) {
                assertThat(call(client, NbdCommand.Type.WRITE, 77, random(length, length))
                                .error())
                        .isZero();
                ByteBuffer back = ByteBuffer.allocate(length);
                assertThat(call(client, NbdCommand.Type.READ, 77, back).error()).isZero();
                assertThat(back).isEqualTo(random(length, length));
            }
            NbdCommand beyond = call(client, NbdCommand.Type.READ, 8 << 20, ByteBuffer.allocate(1));
            assertThat(beyond.errorText()).startsWith("invalid argument (");
        }
    }

    @Test
    void triesTheNextNodeWhenOneRefusesOrIsNotThere() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        try (FakeNode first = new FakeNode(medium, folder.resolve("a.sock"));
                FakeNode second = new FakeNode(medium, folder.resolve("b.sock"))) {
            first.refuse("node 2 serves it");
            NbdUri nobody = NbdUri.parse("nbd+unix:///vol/1?socket=" + folder.resolve("c.sock"));
            try (NbdClient client = new NbdClient(List.of(nobody, first.uri(), second.uri()), SETTINGS, listener)) {
                assertThat(client.awaitSizeBytes()).isEqualTo(1 << 20);
                assertThat(listener.saw("node 2 serves it")).isTrue();
                assertThat(listener.events.getLast()).isEqualTo("connected " + second.uri());
            }
        }
    }

    @Test
    void triesTheNextNodeWhenOneAcceptsAndSaysNothing() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        Path silent = folder.resolve("silent.sock");
        try (ServerSocketChannel stopped = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                FakeNode second = new FakeNode(medium, folder.resolve("b.sock"))) {
            // As an engine that is stopped: the kernel accepts for it.
            stopped.bind(UnixDomainSocketAddress.of(silent));
            NbdUri first = NbdUri.parse("nbd+unix:///vol/1?socket=" + silent);
            NbdClient.Settings patient = new NbdClient.Settings(32, 3_600_000);
            try (NbdClient client = new NbdClient(List.of(first, second.uri()), patient, listener)) {
                assertThat(client.awaitSizeBytes()).isEqualTo(1 << 20);
                assertThat(listener.saw("no answer in time")).isTrue();
            }
        }
    }

    @Test
    void goesOnAtAnotherNodeWithoutLosingARequest() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(4 << 20);
        try (FakeNode first = new FakeNode(medium, folder.resolve("a.sock"));
                FakeNode second = new FakeNode(medium, folder.resolve("b.sock"));
                NbdClient client = new NbdClient(List.of(first.uri(), second.uri()), SETTINGS, listener)) {
            client.awaitSizeBytes();
            BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(5000);
            List<NbdCommand> all = new ArrayList<>();
            for (int i = 0; i < 4000; i++) {
                NbdCommand command =
                        new NbdCommand(ended::add).transfer(NbdCommand.Type.WRITE, (i % 1000) * 4096L, random(i, 4096));
                all.add(command);
                client.submit(command);
                if (i == 1500) {
                    first.refuse("no more");
                    first.fence();
                }
                if (i == 3000) {
                    first.refuse(null);
                    second.refuse("no more");
                    second.fence();
                }
            }
            await().until(() -> ended.size() == 4000);
            assertThat(all).allMatch(command -> command.error() == 0);
            for (int i = 0; i < 1000; i++) {
                ByteBuffer back = ByteBuffer.allocate(4096);
                assertThat(call(client, NbdCommand.Type.READ, i * 4096L, back).error())
                        .isZero();
                assertThat(back).as("block %d", i).isEqualTo(random(3000 + i, 4096));
            }
            assertThat(listener.saw("disconnected " + first.uri())).isTrue();
        }
    }

    @Test
    void endsEverythingAtTheDeadlineAndSaysWhy() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"))) {
            node.refuse("the leases of node 3 have not run out");
            NbdClient.Settings settings = new NbdClient.Settings(4, 3000);
            try (NbdClient client = new NbdClient(List.of(node.uri()), settings, listener)) {
                assertThatThrownBy(client::awaitSizeBytes)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("the leases of node 3 have not run out");
                NbdCommand command = call(client, NbdCommand.Type.READ, 0, ByteBuffer.allocate(4096));
                assertThat(command.error()).isEqualTo(NbdCommand.UNREACHABLE);
                assertThat(command.errorText()).contains("no node served");
            }
        }
    }

    @Test
    void closingEndsWhatIsUnderWay() throws Exception {
        NbdUri nobody = NbdUri.parse("nbd+unix:///vol/1?socket=" + folder.resolve("none.sock"));
        NbdClient client = new NbdClient(List.of(nobody), SETTINGS, listener);
        BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(2);
        client.submit(new NbdCommand(ended::add).range(NbdCommand.Type.FLUSH, 0, 0));
        client.close();
        client.submit(new NbdCommand(ended::add).range(NbdCommand.Type.FLUSH, 0, 0));
        assertThat(ended).hasSize(2).allMatch(command -> command.error() == NbdCommand.CLOSED);
    }

    @Test
    void anExportThatExistsNoMoreEndsEveryRequestAtOnce() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        NbdUri nobody = NbdUri.parse("nbd+unix:///vol/1?socket=" + folder.resolve("c.sock"));
        NbdClient.Settings patient = new NbdClient.Settings(32, 3_600_000);
        try (FakeNode node = new FakeNode(medium, folder.resolve("a.sock"));
                NbdClient client = new NbdClient(List.of(nobody, node.uri()), patient, listener)) {
            client.awaitSizeBytes();
            node.forget();
            node.fence();
            await().until(() -> listener.saw("was superseded"));
            NbdCommand lost = call(client, NbdCommand.Type.WRITE, 0, random(1, 4096));
            assertThat(lost.error()).isEqualTo(NbdCommand.UNREACHABLE);
            assertThat(lost.errorText()).contains("the export exists no more").contains("was superseded");
        }
    }

    @Test
    void anExportThatOneNodeDoesNotKnowIsSoughtAtTheOthers() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        try (FakeNode behind = new FakeNode(medium, folder.resolve("a.sock"));
                FakeNode busy = new FakeNode(medium, folder.resolve("b.sock"));
                NbdClient client = new NbdClient(List.of(behind.uri(), busy.uri()), SETTINGS, listener)) {
            behind.forget();
            busy.refuse("not yet");
            await().until(() -> listener.saw("not yet"));
            busy.refuse(null);
            assertThat(client.awaitSizeBytes()).isEqualTo(1 << 20);
        }
    }

    @Test
    void aSilentNodeIsLeftOnlyForOneThatServes() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        NbdClient.Settings alert = new NbdClient.Settings(32, 30_000, 50);
        CountDownLatch goOn = new CountDownLatch(1);
        try (FakeNode first = new FakeNode(medium, folder.resolve("a.sock"));
                FakeNode second = new FakeNode(medium, folder.resolve("b.sock"));
                NbdClient client = new NbdClient(List.of(first.uri(), second.uri()), alert, listener)) {
            client.awaitSizeBytes();
            second.refuse("node 1 owns it");
            first.freeze(goOn);
            BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(1);
            client.submit(new NbdCommand(ended::add).transfer(NbdCommand.Type.WRITE, 0, random(1, 4096)));
            await().until(() -> listener.saw("node 1 owns it"));
            assertThat(ended).isEmpty();

            second.refuse(null);

            NbdCommand written = ended.poll(3, TimeUnit.MINUTES);
            goOn.countDown();
            assertThat(written).isNotNull();
            assertThat(written.error()).isZero();
            assertThat(written.resends()).isEqualTo(1);
            assertThat(listener.events.getLast()).isEqualTo("connected " + second.uri());
        } finally {
            goOn.countDown();
        }
    }

    @Test
    void aSilentNodeThatGoesOnKeepsItsClient() throws Exception {
        FakeNode.Medium medium = new FakeNode.Medium(1 << 20);
        NbdClient.Settings alert = new NbdClient.Settings(32, 30_000, 50);
        CountDownLatch goOn = new CountDownLatch(1);
        try (FakeNode first = new FakeNode(medium, folder.resolve("a.sock"));
                FakeNode second = new FakeNode(medium, folder.resolve("b.sock"));
                NbdClient client = new NbdClient(List.of(first.uri(), second.uri()), alert, listener)) {
            client.awaitSizeBytes();
            second.refuse("node 1 owns it");
            first.freeze(goOn);
            BlockingQueue<NbdCommand> ended = new ArrayBlockingQueue<>(1);
            client.submit(new NbdCommand(ended::add).transfer(NbdCommand.Type.WRITE, 0, random(1, 4096)));
            await().until(() -> listener.saw("node 1 owns it"));

            goOn.countDown();

            NbdCommand written = ended.poll(3, TimeUnit.MINUTES);
            assertThat(written).isNotNull();
            assertThat(written.error()).isZero();
            assertThat(written.resends()).isZero();
        } finally {
            goOn.countDown();
        }
    }
}
