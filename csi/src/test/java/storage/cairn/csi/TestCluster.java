package storage.cairn.csi;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.testing.ApiServer;

/**
 * All that the driver needs, as processes of this machine: a real API server, engines in as many folders, a replica
 * manager, and the driver itself, for the controller and for each node that a test starts it for.
 */
final class TestCluster implements AutoCloseable {
    static final String POOL = "default";
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");
    private static final Duration LONG = Duration.ofSeconds(120);
    private static final String DISK_SIZE = "1Gi";
    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final int nodes;
    private final ApiServer server;
    private final KubernetesClient client;
    private final Map<String, Process> processes = new ConcurrentHashMap<>();

    TestCluster(Path folder, int nodes) throws IOException {
        this.folder = folder;
        this.nodes = nodes;
        this.server = ApiServer.start();
        this.client = server.client();
        server.define(DEFINITIONS);
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName("cairn-system")
                        .endMetadata()
                        .build())
                .create();
        Files.writeString(folder.resolve("kubeconfig"), server.kubeconfig(server.port()));
        Path secret = folder.resolve("secret");
        Files.writeString(secret, UUID.randomUUID().toString().replace("-", ""), StandardCharsets.US_ASCII);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        describe();
        for (int number = 1; number <= nodes; number++) {
            startEngine(number);
        }
        startReplicaManager();
        for (int number = 1; number <= nodes; number++) {
            admit(number);
        }
    }

    KubernetesClient client() {
        return client;
    }

    /** Every node sees the files of all, and takes the one that is admitted for it. */
    private void describe() throws IOException {
        StringBuilder files = new StringBuilder();
        for (int number = 1; number <= nodes; number++) {
            files.append("    - {path: ")
                    .append(folder.resolve("disk-" + number))
                    .append(", size: ")
                    .append(DISK_SIZE)
                    .append("}\n");
        }
        String cluster = """
                apiVersion: cairn.storage/v1alpha1
                kind: StorageCluster
                metadata: {name: cairn}
                spec:
                  clusterId: %s
                  disks:
                    devices: ["/dev/cairn-no-such-*"]
                    files:
                %s""".formatted(UUID.randomUUID(), files);
        try (InputStream in = new ByteArrayInputStream(cluster.getBytes(StandardCharsets.UTF_8))) {
            client.load(in).create();
        }
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder().withName(POOL).build());
        pool.setSpec(new StoragePoolSpec(null, nodes, null, null, 2000, null, null));
        client.resource(pool).create();
        for (int number = 1; number <= nodes; number++) {
            StorageNode node = new StorageNode();
            node.setMetadata(new ObjectMetaBuilder().withName(node(number)).build());
            node.setSpec(new StorageNodeSpec(number, null, null, null));
            client.resource(node).create();
        }
    }

    static String node(int number) {
        return "node" + number;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    void startEngine(int number) throws IOException {
        Path own = Files.createDirectories(folder.resolve(node(number)));
        JSON.writeValue(
                own.resolve("engine.json").toFile(),
                Map.of(
                        "dataDir", own.toString(),
                        "secretFile", folder.resolve("secret").toString(),
                        "configStore", "kubernetes",
                        "kubeconfig", folder.resolve("kubeconfig").toString(),
                        "kubernetes",
                                Map.of(
                                        "nodeName",
                                        node(number),
                                        "host",
                                        "127.0.0.1",
                                        "peerPort",
                                        freePort(),
                                        "metricsPort",
                                        0)));
        List<String> options = new ArrayList<>();
        try (InputStream in = Objects.requireNonNull(TestCluster.class.getResourceAsStream("/engine.jvmargs"))) {
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .forEach(options::add);
        }
        launch(
                "engine-" + number,
                options,
                "storage.cairn.engine.node.EngineMain",
                "--config",
                own.resolve("engine.json").toString());
        Awaitility.await("engine " + number + ", its log is in " + own)
                .atMost(LONG)
                .until(() -> Files.exists(own.resolve("control.sock")));
    }

    private void startReplicaManager() throws IOException {
        launch(
                "replica-manager",
                List.of("-Xmx128m"),
                "storage.cairn.replicamanager.Main",
                "--kubeconfig",
                folder.resolve("kubeconfig").toString(),
                "--listen",
                "127.0.0.1:" + freePort());
    }

    private void admit(int number) {
        Path path = folder.resolve("disk-" + number);
        Awaitility.await("disk of node " + number).atMost(LONG).until(() -> state(number, path) != null);
        Disk found = Objects.requireNonNull(disk(number, path));
        client.resources(Disk.class).withName(found.getMetadata().getName()).edit(disk -> {
            disk.setSpec(new DiskSpec(POOL, null));
            return disk;
        });
        Awaitility.await("disk of node " + number)
                .atMost(LONG)
                .until(() -> state(number, path) == DiskStatus.State.READY);
    }

    private DiskStatus.@Nullable State state(int number, Path path) {
        Disk disk = disk(number, path);
        return disk == null ? null : disk.getStatus().state();
    }

    private @Nullable Disk disk(int number, Path path) {
        return client.resources(Disk.class).list().getItems().stream()
                .filter(disk -> disk.getStatus() != null
                        && node(number).equals(disk.getStatus().node())
                        && path.toString().equals(disk.getStatus().path()))
                .findFirst()
                .orElse(null);
    }

    /** Starts the driver for a node, with the controller's calls or without. Answers its socket. */
    Path startDriver(int number, boolean controller) throws IOException {
        Path socket = folder.resolve("csi-" + number + ".sock");
        Files.deleteIfExists(socket);
        List<String> arguments = new ArrayList<>(List.of(
                "--endpoint",
                "unix://" + socket,
                "--node",
                node(number),
                "--engine",
                folder.resolve(node(number)).toString(),
                "--state",
                folder.resolve("state-" + number).toString(),
                "--kubeconfig",
                folder.resolve("kubeconfig").toString(),
                "--listen",
                "127.0.0.1:" + freePort()));
        if (controller) {
            arguments.add("--controller");
        }
        launch(
                driver(number),
                List.of("-Xmx128m", "--enable-native-access=ALL-UNNAMED"),
                "storage.cairn.csi.CsiMain",
                arguments.toArray(String[]::new));
        Awaitility.await("driver of node " + number + ": " + log(driver(number)))
                .atMost(LONG)
                .until(() -> Files.exists(socket));
        return socket;
    }

    static String driver(int number) {
        return "csi-" + number;
    }

    private void launch(String name, List<String> options, String main, String... arguments) throws IOException {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.add("-XX:TieredStopAtLevel=1");
        line.addAll(options);
        line.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
        line.addAll(List.of(arguments));
        Process process = new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve(name + ".out").toFile()))
                .start();
        processes.put(name, process);
    }

    String log(String name) {
        try {
            return Files.readString(folder.resolve(name + ".out"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** SIGKILL. */
    void kill(String name) {
        Process process = processes.remove(name);
        if (process != null) {
            process.destroyForcibly().onExit().join();
        }
    }

    @Override
    public void close() throws IOException {
        List.copyOf(processes.keySet()).forEach(this::kill);
        client.close();
        server.close();
    }
}
