package storage.cairn.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Finds TCP ports of 127.0.0.1 for processes that a test starts. They are drawn at random from below the range that the
 * kernel gives to outgoing connections: one from that range may belong to anybody's connection by the time that its
 * process listens. None is given twice.
 */
public final class FreePorts {
    private static final int LOWEST = 10_240;
    private static final int END = 32_768;
    private static final int TRIES = 2_000;
    private static final Set<Integer> GIVEN = ConcurrentHashMap.newKeySet();

    private FreePorts() {}

    /** One that nobody listens on. */
    public static int next() throws IOException {
        for (int i = 0; i < TRIES; i++) {
            int port = ThreadLocalRandom.current().nextInt(LOWEST, END);
            if (!GIVEN.contains(port) && isFree(port) && GIVEN.add(port)) {
                return port;
            }
        }
        throw new IOException("no free TCP port between " + LOWEST + " and " + END + " after " + TRIES + " tries");
    }

    /** As many as {@code count}. */
    public static List<Integer> next(int count) throws IOException {
        List<Integer> found = new ArrayList<>();
        while (found.size() < count) {
            found.add(next());
        }
        return found;
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1);
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
