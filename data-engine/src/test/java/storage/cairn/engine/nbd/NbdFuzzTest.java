package storage.cairn.engine.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Mutations of valid sessions, from a seed that a failure shows. After each the server must still serve, and at the
 * end nothing may be left over.
 */
class NbdFuzzTest {
    private static final int SIZE = 8 << 20;
    private static final int SESSIONS = Integer.getInteger("cairn.fuzz.sessions", 1500);
    private static final long SEED = Long.getLong("cairn.fuzz.seed", 20_250_101L);

    @TempDir
    Path folder;

    @Test
    void nothingThatAClientSendsStopsTheServer() throws Exception {
        TestServer server = TestServer.start(false, SIZE, TestServer.settings());
        Path socket = server.listenUnix(folder);
        long seed = SEED;
        try {
            for (int i = 0; i < SESSIONS; i++) {
                seed = SEED + i;
                attack(socket, new Random(seed));
                assertThat(server.defects).isEmpty();
                if (i % 50 == 0) {
                    try (WireClient client = WireClient.unix(socket).greet().go(TestServer.NAME)) {
                        assertThat(client.read(0, 4096)).hasSize(4096);
                    }
                }
            }
        } catch (AssertionError | IOException e) {
            throw new AssertionError("with -Dcairn.fuzz.seed=" + seed + " -Dcairn.fuzz.sessions=1", e);
        }
        assertThat(server.server.metrics().mostHeldBytes()).isLessThanOrEqualTo(40 << 20);
        server.stop();
    }

    private static void attack(Path socket, Random random) throws IOException {
        byte[] bytes = random.nextInt(20) == 0 ? noise(random) : mutated(random, session(random));
        try (WireClient client = WireClient.unix(socket)) {
            client.socket.configureBlocking(false);
            ByteBuffer out = ByteBuffer.wrap(bytes);
            ByteBuffer in = ByteBuffer.allocate(64 << 10);
            long end = System.nanoTime() + 20_000_000L;
            while (System.nanoTime() < end) {
                if (out.hasRemaining()) {
                    ByteBuffer piece = out.slice(out.position(), Math.min(out.remaining(), 1 + random.nextInt(5000)));
                    out.position(out.position() + client.socket.write(piece));
                }
                int n = client.socket.read(in.clear());
                if (n < 0 || (n == 0 && !out.hasRemaining() && random.nextInt(50) == 0)) {
                    return;
                }
            }
        } catch (IOException e) {
            // The server closed the connection in the middle of what was sent: its right.
            assertThat(e.getMessage()).containsAnyOf("Broken pipe", "Connection reset", "closed");
        }
    }

    private static byte[] noise(Random random) {
        byte[] bytes = new byte[random.nextInt(5000)];
        random.nextBytes(bytes);
        return bytes;
    }

    /** The bytes of a client that negotiates and then sends some commands, all valid. */
    private static byte[] session(Random random) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(random.nextInt(4));
        int[] options = {NbdWire.OPT_LIST, NbdWire.OPT_STARTTLS, NbdWire.OPT_STRUCTURED_REPLY, 42};
        for (int i = random.nextInt(4); i > 0; i--) {
            option(out, options[random.nextInt(options.length)], new byte[random.nextInt(3) == 0 ? 5 : 0]);
        }
        if (random.nextBoolean()) {
            option(out, NbdWire.OPT_STRUCTURED_REPLY, new byte[0]);
            option(
                    out,
                    NbdWire.OPT_SET_META_CONTEXT,
                    WireClient.contextData(TestServer.NAME, "base:allocation", "x:y"));
        }
        switch (random.nextInt(3)) {
            case 0 -> option(out, NbdWire.OPT_EXPORT_NAME, TestServer.NAME.getBytes(StandardCharsets.UTF_8));
            case 1 -> option(out, NbdWire.OPT_INFO, WireClient.infoData(TestServer.NAME, 0, 1, 2, 3));
            default -> {}
        }
        option(out, NbdWire.OPT_GO, WireClient.infoData(TestServer.NAME, 3));
        for (int i = random.nextInt(30); i > 0; i--) {
            int type = random.nextInt(9);
            int length = random.nextInt(4) == 0 ? random.nextInt(2 << 20) : random.nextInt(9000);
            long offset = random.nextInt(SIZE);
            out.writeInt(NbdWire.REQUEST_MAGIC);
            out.writeShort(random.nextInt(4) == 0 ? random.nextInt(64) : 0);
            out.writeShort(type);
            out.writeLong(i);
            out.writeLong(offset);
            out.writeInt(length);
            if (type == NbdWire.CMD_WRITE) {
                out.write(new byte[length]);
            }
        }
        return bytes.toByteArray();
    }

    private static void option(DataOutputStream out, int option, byte[] data) throws IOException {
        out.writeLong(NbdWire.IHAVEOPT);
        out.writeInt(option);
        out.writeInt(data.length);
        out.write(data);
    }

    private static byte[] mutated(Random random, byte[] bytes) {
        for (int i = random.nextInt(6); i > 0; i--) {
            int at = random.nextInt(Math.min(bytes.length, random.nextBoolean() ? 300 : bytes.length));
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> {
                    for (int b = at; b < Math.min(bytes.length, at + 4); b++) {
                        bytes[b] = (byte) 0xff;
                    }
                }
                default -> {
                    byte[] shorter = new byte[bytes.length - Math.min(bytes.length - at, 1 + random.nextInt(40))];
                    System.arraycopy(bytes, 0, shorter, 0, Math.min(at, shorter.length));
                    int from = bytes.length - (shorter.length - Math.min(at, shorter.length));
                    System.arraycopy(bytes, from, shorter, Math.min(at, shorter.length), bytes.length - from);
                    bytes = shorter;
                    if (bytes.length == 0) {
                        return bytes;
                    }
                }
            }
        }
        return bytes;
    }
}
