package storage.cairn.engine.nbd;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static storage.cairn.engine.nbd.NbdWire.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Status;

@ParameterizedClass
@ValueSource(booleans = {false, true})
class NbdServerTest {
    private static final int SIZE = 48 << 20;

    @Parameter
    boolean uring;

    @TempDir
    Path folder;

    private TestServer server;
    private Path socket;

    @BeforeEach
    void start() throws Exception {
        server = TestServer.start(uring, SIZE, TestServer.settings());
        socket = server.listenUnix(folder);
    }

    @AfterEach
    void stop() throws Exception {
        if (server != null) {
            server.stop();
        }
    }

    private WireClient session(boolean structured) throws IOException {
        WireClient client = WireClient.unix(socket).greet();
        if (structured) {
            client.structured().blockStatus(TestServer.NAME);
        }
        return client.go(TestServer.NAME);
    }

    private static byte[] random(long seed, int length) {
        return MemoryVolume.pattern(seed, length).array();
    }

    @Test
    void whatWasWrittenIsReadAtEveryAlignmentAndLength() throws Exception {
        byte[] model = new byte[SIZE];
        Random random = new Random(7);
        for (boolean structured : new boolean[] {false, true}) {
            try (WireClient client = session(structured)) {
                assertThat(client.size).isEqualTo(SIZE);
                int[] lengths = {
                    1, 511, 512, 4095, 4096, 4097, 65_536, 131_072, 1 << 20, (1 << 20) + 1, 5 << 20, 32 << 20
                };
                for (int length : lengths) {
                    for (int offset : new int[] {0, 1, 4095, 4096, random.nextInt(SIZE - length)}) {
                        byte[] data = random(offset ^ length, length);
                        client.write(offset, data);
                        client.flush();
                        assertThat(client.reply(0).error()).isZero();
                        System.arraycopy(data, 0, model, offset, length);
                        int from = Math.max(0, offset - 3);
                        int count = Math.min(32 << 20, Math.min(SIZE - from, length + 6));
                        assertThat(client.read(from, count))
                                .as("%d bytes at %d", count, from)
                                .isEqualTo(Arrays.copyOfRange(model, from, from + count));
                    }
                }
            }
        }
        assertThat(server.onLoop(() -> Arrays.equals(server.volume.content(), model)))
                .isTrue();
        assertThat(server.server.metrics().mostHeldBytes()).isLessThanOrEqualTo(40 << 20);
    }

    @Test
    void manyCommandsRunSideBySide() throws Exception {
        try (WireClient client = session(true)) {
            byte[] model = new byte[512 * 4096];
            for (int round = 0; round < 4; round++) {
                for (int i = 0; i < 512; i++) {
                    byte[] data = random(round * 1000L + i, 4096);
                    System.arraycopy(data, 0, model, i * 4096, 4096);
                    client.write(i * 4096L, data);
                }
                client.flush();
                boolean[] seen = new boolean[512];
                for (int i = 0; i < 512; i++) {
                    WireClient.Reply reply = client.reply(0);
                    assertThat(reply.error()).isZero();
                    int index = (int) ((reply.cookie() - 1) % 512);
                    assertThat(seen[index]).isFalse();
                    seen[index] = true;
                }
            }
            assertThat(client.read(0, model.length)).isEqualTo(model);
        }
        assertThat(server.server.metrics().commands(NbdMetrics.Command.WRITE)).isEqualTo(2048);
        NbdMetrics.Volume figures = java.util.Objects.requireNonNull(
                server.server.metrics().volumes().get("vol"));
        assertThat(figures.writtenBytes()).isEqualTo(2048L * 4096);
    }

    @Test
    void trimsZeroesAndReportsStatus() throws Exception {
        try (WireClient client = session(true)) {
            client.write(0, random(1, 64 << 10));
            client.flush();
            client.reply(0);
            assertThat(client.call(0, CMD_TRIM, 5000, 20_000).error()).isZero();
            byte[] after = client.read(0, 64 << 10);
            assertThat(Arrays.copyOf(after, 8192)).isEqualTo(Arrays.copyOf(random(1, 64 << 10), 8192));
            assertThat(Arrays.copyOfRange(after, 8192, 24_576)).containsOnly(0);
            assertThat(client.call(FLAG_NO_HOLE, CMD_WRITE_ZEROES, 100, 50).error())
                    .isZero();
            assertThat(Arrays.copyOfRange(client.read(0, 4096), 100, 150)).containsOnly(0);
            assertThat(client.call(FLAG_FAST_ZERO, CMD_WRITE_ZEROES, 100, 50).error())
                    .isEqualTo(ENOTSUP);
            assertThat(client.call(FLAG_FAST_ZERO, CMD_WRITE_ZEROES, 4096, 4096).error())
                    .isZero();
            assertThat(client.call(FLAG_FUA, CMD_TRIM, 1, 100).error()).isZero();
            assertThat(client.call(0, CMD_CACHE, 1, 100).error()).isZero();
            assertThat(client.call(0, CMD_FLUSH, 0, 0).error()).isZero();
            assertThat(server.onLoop(() -> server.volume.flushes)).isEqualTo(1);

            // Blocks 0; 1 (zeroed with unmapping) to 5 holes; 6 to 15 data; the rest holes. Asked from inside block 0.
            ByteBuffer status = ByteBuffer.wrap(
                    client.call(0, CMD_BLOCK_STATUS, 100, 100_000).data());
            assertThat(status.getInt()).isEqualTo(ALLOCATION_ID);
            assertThat(ints(status)).containsExactly(3996, 0, 20_480, 3, 40_960, 0, 34_564, 3);
            status = ByteBuffer.wrap(
                    client.call(FLAG_REQ_ONE, CMD_BLOCK_STATUS, 24_576, 100).data());
            status.getInt();
            assertThat(ints(status)).containsExactly(100, 0);
        }
    }

    private static List<Integer> ints(ByteBuffer bytes) {
        List<Integer> all = new ArrayList<>();
        while (bytes.hasRemaining()) {
            all.add(bytes.getInt());
        }
        return all;
    }

    @Test
    void refusesWhatMakesNoSenseAndGoesOn() throws Exception {
        for (boolean structured : new boolean[] {false, true}) {
            try (WireClient client = session(structured)) {
                assertThat(client.call(0, CMD_READ, SIZE, 1).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, CMD_READ, -1, 1).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, CMD_READ, Long.MAX_VALUE, -1).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, CMD_TRIM, SIZE - 1, 2).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, CMD_WRITE_ZEROES, SIZE - 1, 2).error())
                        .isEqualTo(ENOSPC);
                assertThat(client.call(0x80, CMD_READ, 0, 1).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, 77, 0, 1).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, 0xffff, 0, 0).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, CMD_FLUSH, 1, 1).error()).isEqualTo(EINVAL);
                assertThat(client.call(0, CMD_READ, 0, 33 << 20).error()).isEqualTo(structured ? EOVERFLOW : EINVAL);
                assertThat(client.call(FLAG_DF, CMD_READ, 0, 100).error()).isEqualTo(structured ? 0 : EINVAL);
                assertThat(client.call(FLAG_DF, CMD_READ, 1, 1 << 20).error())
                        .isEqualTo(structured ? EOVERFLOW : EINVAL);
                if (!structured) {
                    assertThat(client.call(0, CMD_BLOCK_STATUS, 0, 4096).error())
                            .isEqualTo(EINVAL);
                }
                client.write(SIZE - 4096, random(1, 8192));
                client.request(0x40, CMD_WRITE, 0, 100_000);
                client.out.write(random(2, 100_000));
                client.flush();
                assertThat(List.of(client.reply(0).error(), client.reply(0).error()))
                        .containsExactlyInAnyOrder(ENOSPC, EINVAL);
                assertThat(client.call(0, CMD_READ, 0, 0).error()).isZero();
                assertThat(client.write(0, new byte[0])).isPositive();
                client.flush();
                assertThat(client.reply(0).error()).isZero();
                assertThat(client.read(0, 10)).containsOnly(0);
            }
        }
    }

    @Test
    void theErrorOfOnePartIsTheErrorOfTheWhole() throws Exception {
        for (boolean structured : new boolean[] {false, true}) {
            for (int part = 0; part < 9; part++) {
                int bad = part;
                try (WireClient client = session(structured)) {
                    server.onLoop(() -> server.volume.failAfter(bad, Status.CORRUPT));
                    assertThat(client.call(0, CMD_READ, 5, 8 << 20).error())
                            .as("part %d", part)
                            .isEqualTo(EIO);
                    server.onLoop(() -> server.volume.failAfter(bad, Status.NO_SPACE));
                    client.write(5, random(1, 8 << 20));
                    client.flush();
                    assertThat(client.reply(0).error()).as("part %d", part).isEqualTo(ENOSPC);
                    assertThat(client.read(0, 10)).hasSize(10);
                }
            }
        }
    }

    @Test
    void negotiatesEveryOption() throws Exception {
        server.onLoop(() -> server.add("other/" + TestServer.ATTACH, 4096));
        try (WireClient client = WireClient.unix(socket).greet()) {
            client.option(OPT_STARTTLS, new byte[0]);
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_POLICY);
            client.option(99, new byte[200]);
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_UNSUP);
            client.option(OPT_SET_META_CONTEXT, WireClient.contextData(TestServer.NAME, ALLOCATION));
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_INVALID);
            client.option(OPT_LIST, new byte[1]);
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_INVALID);
            client.option(OPT_LIST, new byte[0]);
            assertThat(client.optionReply().text()).endsWith("other/" + TestServer.ATTACH);
            assertThat(client.optionReply().text()).endsWith(TestServer.NAME);
            assertThat(client.optionReply().type()).isEqualTo(REP_ACK);
            client.structured();
            client.option(OPT_LIST_META_CONTEXT, WireClient.contextData(TestServer.NAME));
            assertThat(client.optionReply().text()).endsWith(ALLOCATION);
            assertThat(client.optionReply().type()).isEqualTo(REP_ACK);
            client.option(OPT_LIST_META_CONTEXT, WireClient.contextData(TestServer.NAME, "x-other:thing"));
            assertThat(client.optionReply().type()).isEqualTo(REP_ACK);
            client.option(OPT_SET_META_CONTEXT, new byte[] {0, 0, 0, 1, 'a', (byte) 255, 0, 0, 0});
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_TOO_BIG);
            client.option(OPT_SET_META_CONTEXT, new byte[] {0, 0, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 9, 'b'});
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_INVALID);
            client.option(OPT_GO, WireClient.infoData("nothing", 3));
            WireClient.OptionReply unknown = client.optionReply();
            assertThat(unknown.type()).isEqualTo(REP_ERR_UNKNOWN);
            assertThat(unknown.text()).isEqualTo("no export nothing");
            client.option(OPT_GO, WireClient.infoData("x".repeat(4000)));
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_UNKNOWN);
            client.option(OPT_GO, new byte[] {0, 0, 1, 0, 0, 0});
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_INVALID);
            client.option(98, new byte[100_000]);
            assertThat(client.optionReply().type()).isEqualTo(REP_ERR_TOO_BIG);
            client.option(OPT_INFO, WireClient.infoData(TestServer.NAME, 1, 2, 3, 77));
            List<WireClient.OptionReply> infos = new ArrayList<>();
            for (WireClient.OptionReply r = client.optionReply(); r.type() == REP_INFO; r = client.optionReply()) {
                infos.add(r);
            }
            assertThat(infos).hasSize(4);
            assertThat(infos.get(1).text()).endsWith(TestServer.NAME);
            assertThat(ByteBuffer.wrap(infos.get(3).data()).getInt(2)).isEqualTo(1);
            assertThat(ByteBuffer.wrap(infos.get(3).data()).getInt(6)).isEqualTo(4096);
            assertThat(ByteBuffer.wrap(infos.get(3).data()).getInt(10)).isEqualTo(32 << 20);
            client.go(TestServer.NAME);
            assertThat(server.onLoop(() -> server.volume.open)).isEqualTo(1);
            assertThat(client.read(0, 4096)).containsOnly(0);
        }
        try (WireClient client = WireClient.unix(socket).greet()) {
            client.option(OPT_ABORT, new byte[0]);
            assertThat(client.optionReply().type()).isEqualTo(REP_ACK);
            assertThat(client.atEnd()).isTrue();
        }
        try (WireClient client = WireClient.unix(socket).greet()) {
            client.option(OPT_EXPORT_NAME, TestServer.NAME.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            assertThat(client.in.readLong()).isEqualTo(SIZE);
            client.in.readShort();
            assertThat(client.read(0, 512)).containsOnly(0);
        }
        try (WireClient client = WireClient.unix(socket).greet()) {
            client.option(OPT_EXPORT_NAME, new byte[] {'x'});
            assertThat(client.atEnd()).isTrue();
        }
    }

    @Test
    void tellsWhyAnExportIsRefused() throws Exception {
        server.onLoop(() -> server.refuse("volume vol is served by node 2"));
        assertThatThrownBy(() -> session(true)).hasMessage("refused: volume vol is served by node 2");
    }

    @Test
    void waitsForAnExportThatOpensLate() throws Exception {
        server.onLoop(server::holdOpens);
        try (WireClient client = WireClient.unix(socket).greet()) {
            client.option(OPT_GO, WireClient.infoData(TestServer.NAME));
            await().until(() -> server.server.metrics().connections() == 1);
            server.onLoop(server::releaseOpens);
            assertThat(client.optionReply().type()).isEqualTo(REP_INFO);
        }
    }

    @Test
    void givesUpAnExportWhoseClientLeftWhileItOpened() throws Exception {
        server.onLoop(server::holdOpens);
        try (WireClient client = WireClient.unix(socket).greet()) {
            client.option(OPT_GO, WireClient.infoData(TestServer.NAME));
            await().until(() -> server.server.metrics().connections() == 1);
        }
        await().until(() -> server.server.metrics().connections() == 0);
        server.onLoop(server::releaseOpens);
        await().until(() -> server.onLoop(() -> server.volume.open) == 0);
    }

    @Test
    void aLostVolumeEndsTheConnectionAfterWhatWasUnderWay() throws Exception {
        try (WireClient client = session(false)) {
            server.onLoop(server.volume::hold);
            client.write(0, random(1, 4096));
            client.request(0, CMD_READ, 0, 4096);
            client.request(0, CMD_WRITE, 0, 8192);
            client.out.write(new byte[5000]);
            client.flush();
            await().until(() -> server.onLoop(() -> server.volume.outstanding) == 2);
            server.onLoop(() -> server.lose(Status.FENCED, "node 2 owns it"));
            client.write(4096, random(1, 4096));
            client.flush();
            server.onLoop(server.volume::releaseHeld);
            assertThat(client.reply(0).error()).isZero();
            assertThat(client.reply(4096).data()).isEqualTo(random(1, 4096));
            assertThat(client.atEnd()).isTrue();
        }
    }

    @Test
    void aCommandWithAnUnknownOutcomeIsNotAnswered() throws Exception {
        try (WireClient client = session(true)) {
            server.onLoop(() -> server.volume.failAfter(1, Status.FENCED));
            client.write(0, random(1, 4096));
            client.write(4096, random(2, 4096));
            client.write(8192, random(3, 4096));
            client.flush();
            List<Long> answered = new ArrayList<>();
            try {
                while (true) {
                    answered.add(client.reply(0).cookie());
                }
            } catch (IOException e) {
                assertThat(answered).doesNotContain(2L);
            }
        }
    }

    @Test
    void shutdownAnswersWhatIsUnderWayAndThenCloses() throws Exception {
        try (WireClient client = session(true)) {
            server.onLoop(server.volume::hold);
            client.write(0, random(1, 4096));
            client.flush();
            await().until(() -> server.onLoop(() -> server.volume.outstanding) == 1);
            java.util.concurrent.CountDownLatch drained = new java.util.concurrent.CountDownLatch(1);
            server.onLoop(() -> server.server.shutdown(drained::countDown));
            server.onLoop(server.volume::releaseHeld);
            assertThat(client.reply(0).error()).isZero();
            assertThat(client.atEnd()).isTrue();
            assertThat(drained.await(5, SECONDS)).isTrue();
        }
    }

    @Test
    void disconnectWaitsForWhatIsUnderWay() throws Exception {
        try (WireClient client = session(true)) {
            client.write(0, random(1, 1 << 20));
            client.request(0, CMD_DISC, 0, 0);
            client.flush();
            assertThat(client.reply(0).error()).isZero();
            assertThat(client.atEnd()).isTrue();
        }
    }

    @Test
    void aClientThatDoesNotReadIsHeldBack() throws Exception {
        try (WireClient slow = session(true);
                WireClient other = session(true)) {
            Thread flood = Thread.ofVirtual().start(() -> {
                try {
                    for (int i = 0; i < 2000; i++) {
                        slow.request(0, CMD_READ, 0, 1 << 20);
                    }
                    slow.flush();
                } catch (IOException e) {
                    assertThat(slow.socket.isOpen()).isFalse();
                }
            });
            await().until(() -> server.server.metrics().heldBytes() >= 4 << 20);
            for (int i = 0; i < 50; i++) {
                assertThat(other.read(i * 4096L, 1 << 20)).hasSize(1 << 20);
            }
            assertThat(server.server.metrics().mostHeldBytes()).isLessThan(24 << 20);
            slow.socket.shutdownInput();
            slow.socket.shutdownOutput();
            flood.join();
        }
    }

    @Test
    void clientsThatHoldBuffersAndDoNothingMakeRoomForOthers() throws Exception {
        List<WireClient> idle = new ArrayList<>();
        for (int i = 0; i < 45; i++) {
            WireClient client = session(false);
            idle.add(client);
            client.request(0, CMD_WRITE, 0, 1 << 20);
            client.out.write(new byte[10]);
            client.flush();
        }
        try (WireClient other = session(false)) {
            assertThat(other.read(0, 32 << 20)).hasSize(32 << 20);
        }
        assertThat(server.server.metrics().evictions()).isPositive();
        for (WireClient client : idle) {
            client.close();
        }
    }

    @Test
    void clientsThatReadNoRepliesMakeRoomForOthers() throws Exception {
        List<WireClient> idle = new ArrayList<>();
        for (int i = 0; i < 14; i++) {
            WireClient client = session(false);
            idle.add(client);
            for (int n = 0; n < 3; n++) {
                client.request(0, CMD_READ, 0, 1 << 20);
            }
            client.flush();
        }
        try (WireClient other = session(false)) {
            assertThat(other.read(0, 32 << 20)).hasSize(32 << 20);
        }
        assertThat(server.server.metrics().evictions()).isPositive();
        for (WireClient client : idle) {
            client.close();
        }
    }

    @Test
    void halfOpenConnectionsDoNotKeepOthersOut() throws Exception {
        List<WireClient> halfOpen = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            halfOpen.add(WireClient.unix(socket));
        }
        try (WireClient client = session(true)) {
            assertThat(client.read(0, 4096)).hasSize(4096);
            assertThat(server.server.metrics().connections()).isLessThanOrEqualTo(17);
        }
        for (WireClient client : halfOpen) {
            client.close();
        }
    }

    @Test
    void severalConnectionsSeeEachOthersWrites() throws Exception {
        var address = server.listenTcp();
        try (WireClient a = session(true);
                WireClient b = WireClient.tcp(address).greet().go(TestServer.NAME)) {
            assertThat(a.flags & CAN_MULTI_CONN).isNotZero();
            a.write(10, random(1, 100_000));
            a.flush();
            assertThat(a.reply(0).error()).isZero();
            assertThat(b.read(10, 100_000)).isEqualTo(random(1, 100_000));
        }
    }
}
