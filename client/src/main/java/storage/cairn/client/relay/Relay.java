package storage.cairn.client.relay;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdUri;

/**
 * The process behind an attached block device: serves a volume on a local NBD socket, from whichever node owns it now.
 *
 * <pre>
 * device - nbd driver or nbdfuse - SOCKET - relay - the NBD socket of node 1, 2, 3 ...
 * </pre>
 *
 * <p>While no node serves, requests wait. Errors that a node answers, such as that there is no space, go to the device
 * as they are. An export that was superseded or deleted fails at once and for ever.
 */
public final class Relay {
    /** Announces more than any volume has: what is made of it knows its size otherwise, and can grow. */
    public static final String ANY_SIZE = "--any-size";

    private static final long ANY_SIZE_BYTES = 1L << 50;
    private static final int DEPTH = 128;
    /** For a volume that nobody serves for this long the device gets errors. */
    private static final long DEADLINE_MILLIS = 3_600_000;

    /** A node that answers nothing for this long may be stopped or cut off: the others are asked. */
    private static final long SILENCE_MILLIS = 3_000;

    private Relay() {}

    /**
     * Arguments: {@link #ANY_SIZE} or not, the socket to make, and the URIs of the export at each node. Ends by a signal.
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        int first = args.length > 0 && args[0].equals(ANY_SIZE) ? 1 : 0;
        if (args.length < first + 2) {
            throw new IllegalArgumentException("arguments: [" + ANY_SIZE + "] SOCKET URI...");
        }
        sparedWhenMemoryIsShort();
        Path path = Path.of(args[first]);
        List<NbdUri> uris =
                Arrays.stream(args, first + 1, args.length).map(NbdUri::parse).toList();
        NbdClient.Settings settings = new NbdClient.Settings(DEPTH, DEADLINE_MILLIS, SILENCE_MILLIS);
        try (NbdClient client = new NbdClient(uris, settings, new Log(uris.size()))) {
            long volumeBytes = client.awaitSizeBytes();
            long sizeBytes = first == 0 ? volumeBytes : ANY_SIZE_BYTES;
            InOrder order = new InOrder(request -> client.submit(request.command()));
            try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                listen(server, path);
                while (true) {
                    try (SocketChannel socket = server.accept()) {
                        serve(socket, sizeBytes, order);
                    }
                }
            }
        }
    }

    /** Who finds the socket may connect: one that is bound and does not listen yet would refuse him. */
    private static void listen(ServerSocketChannel server, Path path) throws IOException {
        Path unready = unready(path);
        Files.deleteIfExists(unready);
        server.bind(UnixDomainSocketAddress.of(unready));
        Files.move(unready, path, StandardCopyOption.ATOMIC_MOVE);
    }

    /** What the socket is called until it listens; a relay that was killed then leaves it. */
    public static Path unready(Path socket) {
        return socket.resolveSibling(socket.getFileName() + ".new");
    }

    private static void serve(SocketChannel socket, long sizeBytes, InOrder order) throws InterruptedException {
        try {
            if (new DeviceHandshake(socket, sizeBytes).done()) {
                log("the device is connected");
                new DeviceSession(socket, order).serve();
                log("the device is disconnected");
            }
        } catch (IOException e) {
            log("the device is disconnected: " + e.getMessage());
        }
    }

    /** Memory may be short because pages wait to be written to this very device. */
    private static void sparedWhenMemoryIsShort() {
        try {
            Files.writeString(Path.of("/proc/self/oom_score_adj"), "-900");
        } catch (IOException e) {
            log("the kernel may end this process when memory is short: " + e.getMessage());
        }
    }

    static void log(String what) {
        System.out.println(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + what);
    }

    /** What happens to the connection, once each: it may be tried for an hour, many times a second. */
    private static final class Log implements NbdClient.Listener {
        private final String[] refusals;
        private int next;

        Log(int nodes) {
            refusals = new String[nodes];
            Arrays.fill(refusals, "");
        }

        @Override
        public void connected(NbdUri uri) {
            Arrays.fill(refusals, "");
            log("served by " + uri);
        }

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {
            log("no longer served by " + uri + ": " + reason + "; " + resend + " requests to send again");
        }

        @Override
        public void refused(NbdUri uri, String reason) {
            String line = uri + ": " + reason;
            if (!Arrays.asList(refusals).contains(line)) {
                refusals[next] = line;
                next = (next + 1) % refusals.length;
                log("not served by " + line);
            }
        }
    }
}
