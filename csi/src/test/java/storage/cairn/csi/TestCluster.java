package storage.cairn.csi;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
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
import storage.cairn.client.attach.Attachments;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;

/**
 * All that the driver needs, as processes of this machine: a real API server, engines in as many folders, a replica
 * manager, and the driver itself, for the controller and for each node that a test starts it for.
 */
final class TestCluster implements AutoCloseable {
    static final String POOL = "default";
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String DISK_SIZE = "1Gi";
    /** What is staged is no engine's: a copy of its mount would keep the filesystem from being unmounted. */
    private static final String FORGETS = "grep -o '%s/staging-[^ ]*' /proc/self/mountinfo | xargs -r umount; ";

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
        awaitDisks();
    }

    KubernetesClient client() {
        return client;
    }

    /** Each engine sees a file of its own at this path, by a mount namespace: what two see, either may take. */
    private Path disk() {
        return folder.resolve("disks").resolve("disk");
    }

    private void describe() throws IOException {
        Files.createDirectories(folder.resolve("disks"));
        String cluster = """
                apiVersion: cairn.storage/v1alpha1
                kind: StorageCluster
                metadata: {name: cairn}
                spec:
                  clusterId: %s
                  disks:
                    devices: ["/dev/cairn-no-such-*"]
                    files:
                    - {path: %s, size: %s}
                """.formatted(UUID.randomUUID(), disk(), DISK_SIZE);
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
                                        FreePorts.next(),
                                        "metricsPort",
                                        0)));
        List<String> options = new ArrayList<>();
        try (InputStream in = Objects.requireNonNull(TestCluster.class.getResourceAsStream("/engine.jvmargs"))) {
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .forEach(options::add);
        }
        Path disks = Files.createDirectories(own.resolve("disks"));
        launch(
                "engine-" + number,
                List.of(
                        "unshare",
                        "--mount",
                        "sh",
                        "-c",
                        FORGETS.formatted(folder) + "mount --bind '" + disks + "' '" + folder.resolve("disks")
                                + "' && exec \"$@\"",
                        "sh"),
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
                List.of(),
                List.of("-Xmx128m"),
                "storage.cairn.replicamanager.Main",
                "--kubeconfig",
                folder.resolve("kubeconfig").toString(),
                "--listen",
                "127.0.0.1:" + FreePorts.next());
    }

    private void admit(int number) {
        Awaitility.await("disk of node " + number).atMost(LONG).until(() -> state(number) != null);
        Disk found = Objects.requireNonNull(disk(number));
        client.resources(Disk.class).withName(found.getMetadata().getName()).edit(disk -> {
            disk.setSpec(new DiskSpec(POOL, null));
            return disk;
        });
    }

    /** Waits until every node can have replicas: an engine that was started anew tells of its disk after a moment. */
    void awaitDisks() {
        for (int number = 1; number <= nodes; number++) {
            int each = number;
            Awaitility.await("disk of node " + number).atMost(LONG).until(() -> state(each) == DiskStatus.State.READY);
        }
    }

    private DiskStatus.@Nullable State state(int number) {
        Disk disk = disk(number);
        return disk == null ? null : disk.getStatus().state();
    }

    private @Nullable Disk disk(int number) {
        return client.resources(Disk.class).list().getItems().stream()
                .filter(disk -> disk.getStatus() != null
                        && node(number).equals(disk.getStatus().node()))
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
                "127.0.0.1:" + FreePorts.next()));
        if (controller) {
            arguments.add("--controller");
        }
        launch(
                driver(number),
                List.of(),
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

    /** @param within a command that runs the one that follows it */
    private void launch(String name, List<String> within, List<String> options, String main, String... arguments)
            throws IOException {
        List<String> line = new ArrayList<>(within);
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

    /** SIGTERM. */
    void end(String name) {
        Process process = processes.remove(name);
        if (process != null) {
            process.destroy();
            process.onExit().join();
        }
    }

    /** What the driver of a node keeps. */
    Attachments attachments(int number) {
        return new Attachments(folder.resolve("state-" + number));
    }

    /** SIGKILL. */
    void kill(String name) {
        Process process = processes.remove(name);
        if (process != null) {
            process.destroyForcibly().onExit().join();
        }
    }

    /** A mount that is left behind by a test that failed would let everything wait that looks at the folder. */
    private void unmountAll() {
        for (MountTable.Mount mount : MountTable.read().mounts().reversed()) {
            if (mount.point().startsWith(folder + "/") && !mount.type().startsWith("fuse")) {
                Commands.run("umount", "--lazy", mount.point());
            }
        }
        for (int number = 1; number <= nodes; number++) {
            Attachments left = attachments(number);
            left.volumes().forEach(left::abandon);
        }
    }

    @Override
    public void close() throws IOException {
        unmountAll();
        List.copyOf(processes.keySet()).forEach(this::kill);
        client.close();
        server.close();
    }
}
