package storage.cairn.cli.cluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/**
 * Finds TCP ports on loopback that nobody listens on. They are drawn at random from below the range that the kernel
 * gives to outgoing connections, so that two clusters that are made at the same moment hardly ever meet, and none is
 * taken by a connection before its engine listens.
 */
final class FreePorts {
    private static final int LOWEST = 10_240;
    private static final int USUAL_END = 32_768;
    private static final int TRIES = 2_000;
    private static final SecureRandom RANDOM = new SecureRandom();

    private FreePorts() {}

    static List<Integer> find(int count) {
        int end = endOfRange();
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < TRIES && found.size() < count; i++) {
            int port = LOWEST + RANDOM.nextInt(end - LOWEST);
            if (!found.contains(port) && isFree(port)) {
                found.add(port);
            }
        }
        if (found.size() < count) {
            throw new Failure(
                    ExitCode.FAILED,
                    "Only " + found.size() + " of " + count + " TCP ports on 127.0.0.1 between " + LOWEST + " and "
                            + end + " could be had: stop what occupies them (ss -ltn)");
        }
        return found;
    }

    static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port), 1);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static int endOfRange() {
        try {
            String[] range = Files.readString(Path.of("/proc/sys/net/ipv4/ip_local_port_range"))
                    .strip()
                    .split("\\s+");
            int first = Integer.parseInt(range[0]);
            return first - LOWEST >= 1_000 ? first : USUAL_END;
        } catch (IOException e) {
            return USUAL_END;
        }
    }
}
