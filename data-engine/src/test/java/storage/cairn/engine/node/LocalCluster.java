package storage.cairn.engine.node;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.UnaryOperator;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.testing.FreePorts;

/** Real engines of one cluster in a folder of this machine, for tests. */
final class LocalCluster implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();
    /** Of an orderly end, which is one only if it is complete: on a busy machine, too. */
    private static final long SHUTDOWN_MILLIS = 150_000;

    private final Path folder;
    private final List<ClusterFile.Node> nodes = new ArrayList<>();
    private final List<EngineProcess> engines = new ArrayList<>();

    private LocalCluster(Path folder) {
        this.folder = folder;
    }

    /**
     * @param diskBytes size of the one file-backed disk of each node
     * @param ioMode as in engine.json
     * @param options further options of each engine's JVM
     */
    static LocalCluster lay(Path folder, int count, long diskBytes, String ioMode, String... options)
            throws IOException {
        Map<String, Object> store = Map.of("configDir", folder.resolve("config").toString());
        return lay(folder, count, diskBytes, ioMode, store, options);
    }

    /** The same with what each engine is told of the configuration store. */
    static LocalCluster lay(
            Path folder, int count, long diskBytes, String ioMode, Map<String, Object> store, String... options)
            throws IOException {
        LocalCluster cluster = new LocalCluster(folder);
        String clusterId = UUID.randomUUID().toString();
        List<Integer> ports = FreePorts.next(count * 4);
        for (int number = 1; number <= count; number++) {
            Path own = Files.createDirectories(folder.resolve("node-" + number));
            cluster.nodes.add(new ClusterFile.Node(
                    number,
                    "127.0.0.1:" + ports.get(number * 4 - 4),
                    own.resolve("control.sock").toString(),
                    "127.0.0.1:" + ports.get(number * 4 - 3),
                    own.resolve("nbd.sock").toString(),
                    "127.0.0.1:" + ports.get(number * 4 - 2),
                    "127.0.0.1:" + ports.get(number * 4 - 1)));
        }
        JSON.writeValue(
                folder.resolve("cluster.json").toFile(), Map.of("clusterId", clusterId, "nodes", cluster.nodes));
        Path secret = folder.resolve("secret");
        Files.writeString(secret, UUID.randomUUID().toString().replace("-", ""), StandardCharsets.US_ASCII);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        for (int number = 1; number <= count; number++) {
            Path own = folder.resolve("node-" + number);
            Map<String, Object> engine = new HashMap<>(store);
            engine.put("node", number);
            engine.put("dataDir", own.toString());
            engine.put("clusterFile", folder.resolve("cluster.json").toString());
            engine.put("secretFile", secret.toString());
            engine.put("disks", List.of(Map.of("path", own.resolve("disk-1").toString(), "sizeBytes", diskBytes)));
            engine.put("ioMode", ioMode);
            engine.put("shutdownMillis", SHUTDOWN_MILLIS);
            JSON.writeValue(own.resolve("engine.json").toFile(), engine);
            cluster.engines.add(new EngineProcess(
                    number, own, Path.of(cluster.nodes.get(number - 1).controlSocket()), List.of(options)));
        }
        return cluster;
    }

    LocalCluster start() {
        engines.forEach(engine -> engine.launch());
        engines.forEach(EngineProcess::awaitReady);
        return this;
    }

    EngineProcess engine(int number) {
        return engines.get(number - 1);
    }

    ClusterFile.Node node(int number) {
        return nodes.get(number - 1);
    }

    Path folder() {
        return folder;
    }

    /** Changes the text of a node's engine.json. */
    void edit(int number, UnaryOperator<String> change) throws IOException {
        Path file = folder.resolve("node-" + number + "/engine.json");
        Files.writeString(file, change.apply(Files.readString(file)));
    }

    void create(String name, long sizeBytes, int replicas) {
        engine(1)
                .createVolume(CreateVolumeRequest.newBuilder()
                        .setName(name)
                        .setSizeBytes(sizeBytes)
                        .setReplicas(replicas)
                        .build());
    }

    /** Serves a volume on a node; answers the export's name. */
    String serve(int number, String name) {
        ServeVolumeResponse served = engine(number)
                .control()
                .serveVolume(ServeVolumeRequest.newBuilder().setName(name).build());
        return served.getExportName();
    }

    /** Asks a node to hand a volume to another one. */
    Volume move(String name, int from, int to) {
        return engine(from)
                .control()
                .moveVolume(
                        MoveVolumeRequest.newBuilder().setName(name).setNode(to).build());
    }

    List<Integer> numbers() {
        return nodes.stream().map(ClusterFile.Node::node).toList();
    }

    /** NBD over the unix socket of a node. */
    String uri(int number, String export) {
        return "nbd+unix:///" + export + "?socket=" + node(number).nbdSocket();
    }

    String tcpUri(int number, String export) {
        return "nbd://" + node(number).nbdAddress() + "/" + export;
    }

    /** Ends all engines; prints what they logged if CAIRN_TEST_LOGS is in the environment. */
    @Override
    public void close() {
        engines.forEach(EngineProcess::close);
        if (System.getenv("CAIRN_TEST_LOGS") != null) {
            engines.forEach(
                    engine -> System.out.println("--- " + engine.folder() + "\n" + engine.said() + engine.log()));
        }
    }
}
