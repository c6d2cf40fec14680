package storage.cairn.client.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdUri;
import storage.cairn.engine.fuzz.FuzzTarget;

/**
 * What the program behind an attached device sends to the relay: handshake and requests. The first byte says whether
 * the handshake was done before (128). Every request gets an error, for no node is there.
 */
public final class DeviceFuzz implements FuzzTarget {
    private static final int DONE = 128;
    private static final long SIZE_BYTES = 1 << 30;

    private final Path folder;
    private final UnixDomainSocketAddress place;
    private final ServerSocketChannel listening;
    private final NbdClient nowhere;

    public DeviceFuzz() {
        try {
            folder = Files.createTempDirectory("cairn-fuzz");
            place = UnixDomainSocketAddress.of(folder.resolve("s"));
            listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(place);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        nowhere = new NbdClient(
                List.of(NbdUri.parse("nbd+unix:///x?socket=" + folder.resolve("nobody"))),
                new NbdClient.Settings(1, 1),
                new Deaf());
        nowhere.close();
    }

    @Override
    public void run(byte[] input) throws Exception {
        if (input.length == 0) {
            return;
        }
        try (SocketChannel device = SocketChannel.open(place)) {
            Thread program;
            try (SocketChannel relay = listening.accept()) {
                program = Thread.ofVirtual().start(() -> send(device, input));
                serve(relay, (input[0] & DONE) != 0);
            }
            program.join();
        }
    }

    private void serve(SocketChannel relay, boolean done) throws InterruptedException {
        try {
            if (done || new DeviceHandshake(relay, SIZE_BYTES).done()) {
                InOrder order = new InOrder(request -> nowhere.submit(request.command()));
                new DeviceSession(relay, order).serve();
            }
        } catch (IOException refused) {
            if (refused.getMessage() == null && !(refused instanceof java.nio.channels.ClosedChannelException)) {
                throw new AssertionError("a refusal without a reason", refused);
            }
        }
    }

    /** Sends all of it, and reads what comes, so that neither side waits for the other. */
    private static void send(SocketChannel device, byte[] input) {
        try {
            Thread reader = Thread.ofVirtual().start(() -> drain(device));
            ByteBuffer bytes = ByteBuffer.wrap(input, 1, input.length - 1);
            while (bytes.hasRemaining()) {
                device.write(bytes);
            }
            device.shutdownOutput();
            reader.join();
        } catch (IOException gone) {
            // The relay has had enough of it.
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void drain(SocketChannel device) {
        ByteBuffer ignored = ByteBuffer.allocate(4096);
        try {
            while (device.read(ignored.clear()) >= 0) {}
        } catch (IOException gone) {
            // The relay has ended the connection.
            return;
        }
    }

    @Override
    public List<byte[]> seeds() {
        ByteBuffer whole = ByteBuffer.allocate(1024).put((byte) 0).putInt(3);
        option(whole, 8, 0);
        option(whole, 7, 9).putInt(1).put((byte) 'x').putShort((short) 1).putShort((short) 3);
        requests(whole);
        ByteBuffer rest = ByteBuffer.allocate(1024).put((byte) DONE);
        requests(rest);
        ByteBuffer named = ByteBuffer.allocate(64).put((byte) 0).putInt(1);
        option(named, 1, 1).put((byte) 'x');
        return List.of(used(whole), used(rest), used(named));
    }

    private static void requests(ByteBuffer out) {
        request(out, 0, 4096, 4096);
        request(out, 1, 0, 64).put(new byte[64]);
        request(out, 4, 0, 1 << 20);
        request(out, 6, 8192, 4096);
        request(out, 3, 0, 0);
        request(out, 2, 0, 0);
    }

    private static ByteBuffer option(ByteBuffer out, int option, int length) {
        return out.putLong(0x49484156454f5054L).putInt(option).putInt(length);
    }

    private static ByteBuffer request(ByteBuffer out, int type, long offset, int length) {
        return out.putInt(0x25609513)
                .putShort((short) 0)
                .putShort((short) type)
                .putLong(type)
                .putLong(offset)
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
            Files.deleteIfExists(folder.resolve("s"));
            Files.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // The kernel may ask for reads of 32 MiB, each of which needs its buffer, and no more than that at once.
        return (1 << 20) + (inputBytes / 28 + 1L) * (DeviceSession.MAX_PAYLOAD_BYTES + 4096L);
    }

    @Override
    public long allowedMillis(int inputBytes) {
        // Clearing those buffers takes its time.
        return 1_000L + inputBytes;
    }

    private static final class Deaf implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }
}
