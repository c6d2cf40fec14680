package storage.cairn.cli.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Json;

/**
 * The files of a local cluster.
 *
 * <pre>
 * DIR/cluster.json         the nodes and where they listen; written last, so that a folder with it is complete
 * DIR/secret               32 random bytes in hex, for this user only
 * DIR/config/              the configuration store that the engines share
 * DIR/attachments/         block devices that were made of volumes
 * DIR/node-N/engine.json   what the engine of node N is told
 * DIR/node-N/disk-1        its disk
 * DIR/node-N/engine.log    its log; engine.out: what it printed; engine.pid: its process
 * DIR/node-N/control.sock  its sockets, also nbd.sock
 * </pre>
 */
final class ClusterFolder {
    private static final int PORTS_PER_NODE = 4;
    private static final int SECRET_BYTES = 32;
    private static final Duration GIVEN_BACK = Duration.ofSeconds(5);

    private final Path dir;
    private ClusterFile file;

    private ClusterFolder(Path dir, ClusterFile file) {
        this.dir = dir;
        this.file = file;
    }

    static boolean exists(Path dir) {
        return Files.exists(dir.resolve("cluster.json"));
    }

    static ClusterFolder open(Path dir) {
        Path absolute = dir.toAbsolutePath().normalize();
        if (!exists(absolute)) {
            throw new Failure(
                    ExitCode.NOT_FOUND,
                    "There is no cluster in " + absolute + ": make one with 'cairn up', or name another --data-dir");
        }
        return new ClusterFolder(absolute, Json.read(absolute.resolve("cluster.json"), ClusterFile.class));
    }

    /** Makes the folder of a cluster, for this user only, if it is not there. */
    static Path make(Path dir) {
        Path absolute = dir.toAbsolutePath().normalize();
        try {
            SocketFolder.make(absolute);
            return absolute;
        } catch (IOException e) {
            throw cannotLayOut(absolute, e);
        }
    }

    /** Only while the folder is locked. */
    static ClusterFolder create(Path dir, ClusterPlan plan) {
        try {
            Files.createDirectories(dir.resolve("config"));
            writeSecret(dir.resolve("secret"));
            ClusterFile file = layOut(dir, plan);
            ClusterFolder folder = new ClusterFolder(dir, file);
            for (ClusterFile.Node node : file.nodes()) {
                folder.writeEngineFile(node.node(), plan);
            }
            write(dir.resolve("cluster.json"), Json.text(file) + "\n");
            return folder;
        } catch (IOException e) {
            throw cannotLayOut(dir, e);
        }
    }

    private static Failure cannotLayOut(Path dir, IOException error) {
        String why = switch (error) {
            case AccessDeniedException e -> "this user may not write to " + e.getFile() + "; name another --data-dir";
            case FileAlreadyExistsException e -> e.getFile() + " is a file and not a folder; name another --data-dir";
            default -> String.valueOf(error.getMessage());
        };
        return new Failure(ExitCode.FAILED, "The cluster cannot be laid out in " + dir + ": " + why, error);
    }

    Path dir() {
        return dir;
    }

    ClusterFile file() {
        return file;
    }

    /** As it was made; all nodes were alike. The files of engines may have got more keys since. */
    ClusterPlan plan() {
        JsonNode first = Json.read(engineFile(file.nodes().getFirst().node()), JsonNode.class);
        return new ClusterPlan(
                file.nodes().size(),
                first.path("disks").path(0).path("sizeBytes").asLong(),
                first.path("ioMode").asText("auto"));
    }

    ClusterFile.Node node(int number) {
        return file.nodes().stream()
                .filter(node -> node.node() == number)
                .findFirst()
                .orElseThrow(() -> new Failure(
                        ExitCode.NOT_FOUND,
                        "There is no node " + number + " in " + dir + ": it has nodes 1 to "
                                + file.nodes().size()));
    }

    Path nodeFolder(int node) {
        return dir.resolve("node-" + node);
    }

    Path engineFile(int node) {
        return nodeFolder(node).resolve("engine.json");
    }

    /**
     * Removes what an engine that was killed left behind, and gives the node other ports if somebody took its own
     * meanwhile, which is possible only while no engine of the cluster runs.
     */
    void prepareStart(int number, boolean noneRuns) {
        removeLeftovers(number);
        ClusterFile.Node node = node(number);
        try {
            SocketFolder.make(socketFolder(node));
            List<String> taken = takenFor(addresses(node), GIVEN_BACK);
            if (taken.isEmpty()) {
                return;
            }
            if (!noneRuns) {
                throw new Failure(
                        ExitCode.REFUSED,
                        "Node " + number + " listens on " + String.join(", ", taken)
                                + ", which another process occupies: stop that, or stop all nodes and start them"
                                + " again, which chooses other ports");
            }
            List<ClusterFile.Node> nodes = new ArrayList<>(file.nodes());
            nodes.replaceAll(other -> other.node() == number ? withOtherPorts(other) : other);
            file = new ClusterFile(file.clusterId(), nodes);
            write(dir.resolve("cluster.json"), Json.text(file) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException("node " + number + " in " + dir + " cannot be prepared", e);
        }
    }

    /** Those addresses that are still taken after a while: the kernel closes a killed engine's only after its end. */
    private static List<String> takenFor(List<String> addresses, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            List<String> taken = addresses.stream()
                    .filter(address -> !FreePorts.isFree(port(address)))
                    .toList();
            if (taken.isEmpty()
                    || System.nanoTime() >= deadline
                    || Thread.currentThread().isInterrupted()) {
                return taken;
            }
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
        }
    }

    /** Removes the pid file and the sockets of a node that does not run. */
    void removeLeftovers(int number) {
        ClusterFile.Node node = node(number);
        Path sockets = socketFolder(node);
        try {
            Files.deleteIfExists(nodeFolder(number).resolve("engine.pid"));
            Files.deleteIfExists(Path.of(node.controlSocket()));
            Files.deleteIfExists(Path.of(node.nbdSocket()));
            if (!nodeFolder(number).equals(sockets)) {
                Files.deleteIfExists(sockets);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("what node " + number + " left behind cannot be removed", e);
        }
    }

    private static Path socketFolder(ClusterFile.Node node) {
        Path socket = Path.of(node.controlSocket());
        Path folder = socket.getParent();
        if (folder == null) {
            throw new Failure(ExitCode.FAILED, "cluster.json is damaged: " + socket + " is not an absolute path");
        }
        return folder;
    }

    private static ClusterFile layOut(Path dir, ClusterPlan plan) throws IOException {
        String clusterId = UUID.randomUUID().toString();
        List<Integer> ports = FreePorts.find(plan.nodes() * PORTS_PER_NODE);
        List<ClusterFile.Node> nodes = new ArrayList<>();
        for (int number = 1; number <= plan.nodes(); number++) {
            Path folder = Files.createDirectories(dir.resolve("node-" + number));
            Path sockets = SocketFolder.choose(folder, clusterId);
            List<Integer> own = ports.subList((number - 1) * PORTS_PER_NODE, number * PORTS_PER_NODE);
            nodes.add(new ClusterFile.Node(
                    number,
                    loopback(own.get(0)),
                    sockets.resolve("control.sock").toString(),
                    loopback(own.get(1)),
                    sockets.resolve("nbd.sock").toString(),
                    loopback(own.get(2)),
                    loopback(own.get(3))));
        }
        return new ClusterFile(clusterId, nodes);
    }

    private static ClusterFile.Node withOtherPorts(ClusterFile.Node node) {
        List<Integer> ports = FreePorts.find(PORTS_PER_NODE);
        return new ClusterFile.Node(
                node.node(),
                loopback(ports.get(0)),
                node.controlSocket(),
                loopback(ports.get(1)),
                node.nbdSocket(),
                loopback(ports.get(2)),
                loopback(ports.get(3)));
    }

    private static List<String> addresses(ClusterFile.Node node) {
        return List.of(node.peerAddress(), node.controlAddress(), node.nbdAddress(), node.metricsAddress());
    }

    private static String loopback(int port) {
        return "127.0.0.1:" + port;
    }

    private static int port(String address) {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }

    private void writeEngineFile(int node, ClusterPlan plan) throws IOException {
        EngineFile engine = new EngineFile(
                node,
                nodeFolder(node).toString(),
                dir.resolve("cluster.json").toString(),
                dir.resolve("secret").toString(),
                dir.resolve("config").toString(),
                List.of(new EngineFile.Disk(nodeFolder(node).resolve("disk-1").toString(), plan.diskBytes(), false)),
                plan.ioMode());
        write(engineFile(node), Json.text(engine) + "\n");
    }

    private static void writeSecret(Path file) throws IOException {
        byte[] secret = new byte[SECRET_BYTES];
        new SecureRandom().nextBytes(secret);
        Files.deleteIfExists(file);
        var forThisUserOnly = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
        try (var channel = Files.newByteChannel(
                file, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), forThisUserOnly)) {
            channel.write(StandardCharsets.US_ASCII.encode(HexFormat.of().formatHex(secret) + "\n"));
        }
    }

    private static void write(Path file, String text) throws IOException {
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(fresh, text);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
