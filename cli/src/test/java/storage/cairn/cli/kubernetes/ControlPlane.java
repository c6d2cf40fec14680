package storage.cairn.cli.kubernetes;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
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
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.testing.ApiServer;
import storage.cairn.testing.FreePorts;

/**
 * A real API server with the replica manager and engines as processes beside it. The test does what an operator and an
 * administrator do: it numbers nodes and puts disks into the pool {@code fast}.
 */
final class ControlPlane implements AutoCloseable {
    private static final Duration LONG = Duration.ofMinutes(6);
    private static final JsonMapper JSON = new JsonMapper();

    private final Path folder;
    private final ApiServer server;
    private final KubernetesClient client;
    private final Map<Integer, Process> engines = new TreeMap<>();
    private @Nullable Process manager;

    record Outcome(int exitCode, String out, String err) {}

    private ControlPlane(Path folder, ApiServer server) {
        this.folder = folder;
        this.server = server;
        this.client = server.client();
    }

    /**
     * @param disks files of so many bytes that the StorageCluster names, one for each node to come
     */
    static ControlPlane start(Path folder, int disks, long diskBytes) throws IOException {
        ControlPlane plane = new ControlPlane(folder, ApiServer.start());
        plane.server.define(Path.of("..", "charts", "cairn", "templates", "crds"));
        plane.awaitStorage();
        plane.client
                .resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName("cairn-system")
                        .endMetadata()
                        .build())
                .create();
        Files.writeString(plane.kubeconfig(), plane.server.kubeconfig(plane.server.port()));
        Path secret = folder.resolve("secret");
        Files.writeString(secret, UUID.randomUUID().toString().replace("-", ""), StandardCharsets.US_ASCII);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
        StringBuilder cluster = new StringBuilder("""
                apiVersion: cairn.storage/v1alpha1
                kind: StorageCluster
                metadata: {name: cairn}
                spec:
                  clusterId: %s
                  disks:
                    devices: ["/dev/cairn-no-such-*"]
                    files:
                """.formatted(UUID.randomUUID()));
        for (int disk = 1; disk <= disks; disk++) {
            cluster.append("    - {path: ")
                    .append(plane.diskFile(disk))
                    .append(", size: ")
                    .append(diskBytes)
                    .append("}\n");
        }
        Path file = folder.resolve("cluster.yaml");
        Files.writeString(file, cluster);
        try (InputStream in = Files.newInputStream(file)) {
            plane.client.load(in).create();
        }
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder().withName("fast").build());
        pool.setSpec(new StoragePoolSpec(null, 3, null, null, null, null, null));
        plane.client.resource(pool).create();
        return plane;
    }

    /** A definition is served a moment before its objects can be listed. */
    private void awaitStorage() {
        for (Class<? extends HasMetadata> kind :
                List.of(Volume.class, VolumeMembership.class, Disk.class, StorageNode.class, StoragePool.class)) {
            Awaitility.await("lists of " + kind.getSimpleName())
                    .atMost(LONG)
                    .ignoreExceptions()
                    .until(() -> client.resources(kind).list().getItems().isEmpty());
        }
    }

    KubernetesClient client() {
        return client;
    }

    ApiServer server() {
        return server;
    }

    private Path kubeconfig() {
        return folder.resolve("kubeconfig");
    }

    private Path diskFile(int node) {
        return folder.resolve("disk-" + node);
    }

    private Path nodeFolder(int node) {
        return folder.resolve("node-" + node);
    }

    private Process launch(Path log, List<String> line) throws IOException {
        return new ProcessBuilder(line)
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    /** Starts the replica manager with short windows: silence 25 s, replacement 1 s later, restoring {@code window}. */
    void startManager(int restoreWindowSeconds) throws IOException {
        EngineCommand java = EngineCommand.ofThisBuild();
        manager = launch(
                folder.resolve("manager.log"),
                List.of(
                        java.java().toString(),
                        "-Xmx128m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        java.classPath(),
                        "storage.cairn.replicamanager.Main",
                        "--kubeconfig",
                        kubeconfig().toString(),
                        "--listen",
                        "127.0.0.1:" + FreePorts.next(),
                        "--silence-seconds",
                        "25",
                        "--replace-after-seconds",
                        "1",
                        "--restore-window-seconds",
                        Integer.toString(restoreWindowSeconds)));
    }

    /** Begins a node: its StorageNode, its engine, and its disk in the pool. */
    void addNode(int number) throws IOException {
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName("node" + number).build());
        node.setSpec(new StorageNodeSpec(number, null, null, null));
        client.resource(node).create();
        Path own = Files.createDirectories(nodeFolder(number));
        JSON.writeValue(
                own.resolve("engine.json").toFile(),
                Map.of(
                        "dataDir",
                        own.toString(),
                        "secretFile",
                        folder.resolve("secret").toString(),
                        "configStore",
                        "kubernetes",
                        "kubeconfig",
                        kubeconfig().toString(),
                        "kubernetes",
                        Map.of(
                                "nodeName",
                                "node" + number,
                                "host",
                                "127.0.0.1",
                                "peerPort",
                                FreePorts.next(),
                                "metricsPort",
                                0)));
        startEngine(number);
    }

    private void startEngine(int number) throws IOException {
        EngineCommand command = EngineCommand.ofThisBuild();
        List<String> line = new ArrayList<>();
        line.add(command.java().toString());
        line.addAll(command.options());
        line.add("-XX:TieredStopAtLevel=1");
        line.addAll(List.of(
                "-cp",
                command.classPath(),
                command.mainClass(),
                "--config",
                nodeFolder(number).resolve("engine.json").toString()));
        engines.put(number, launch(nodeFolder(number).resolve("output"), line));
    }

    /**
     * Stops an engine as it is: to everybody else it is gone. It keeps its disk locked; of one that is killed the
     * engine of another node would take it, since all of them see the same files.
     */
    void pauseEngine(int number) throws IOException, InterruptedException {
        signal(number, "-STOP");
    }

    void resumeEngine(int number) throws IOException, InterruptedException {
        signal(number, "-CONT");
    }

    private void signal(int number, String signal) throws IOException, InterruptedException {
        Process engine = Objects.requireNonNull(engines.get(number));
        int exitCode = new ProcessBuilder("kill", signal, Long.toString(engine.pid()))
                .start()
                .waitFor();
        if (exitCode != 0) {
            throw new IOException("kill " + signal + " of engine " + number + " ended with " + exitCode);
        }
    }

    /** Puts the disk of a node into the pool once its engine found it; answers its id once it serves. */
    String admit(int number) {
        Disk found = awaitDisk(number, DiskStatus.State.DISCOVERED);
        String id = Tables.name(found);
        client.resources(Disk.class).withName(id).edit(disk -> {
            disk.setSpec(new DiskSpec("fast", null));
            return disk;
        });
        awaitDisk(number, DiskStatus.State.READY);
        return id;
    }

    private Disk awaitDisk(int number, DiskStatus.State state) {
        try {
            return Awaitility.await("disk of node " + number + " to be " + state)
                    .atMost(LONG)
                    .until(
                            () -> disk(number),
                            disk -> disk != null && disk.getStatus().state() == state);
        } catch (ConditionTimeoutException e) {
            throw new AssertionError(e.getMessage() + "\n" + logs(), e);
        }
    }

    private @Nullable Disk disk(int number) {
        for (Disk disk : client.resources(Disk.class).list().getItems()) {
            DiskStatus status = disk.getStatus();
            if (status != null
                    && ("node" + number).equals(status.node())
                    && diskFile(number).toString().equals(status.path())) {
                return disk;
            }
        }
        return null;
    }

    ControlClient control(int number) {
        return ControlClient.connect(new ClusterFile.Node(
                number,
                "-",
                nodeFolder(number).resolve("control.sock").toString(),
                "-",
                nodeFolder(number).resolve("nbd.sock").toString(),
                "-",
                "-"));
    }

    Path nbdSocket(int number) {
        return nodeFolder(number).resolve("nbd.sock");
    }

    /** Runs {@code kubectl cairn} as a person does. */
    Outcome cairn(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = KubernetesCairn.commandLine("test");
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        List<String> all = new ArrayList<>(List.of("--kubeconfig", kubeconfig().toString()));
        all.addAll(List.of(arguments));
        int exitCode = line.execute(all.toArray(String[]::new));
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    /** As {@link #cairn}, when it must succeed. */
    String succeed(String... arguments) {
        Outcome outcome = cairn(arguments);
        if (outcome.exitCode() != 0) {
            throw new AssertionError(String.join(" ", arguments) + ": " + outcome);
        }
        return outcome.out() + outcome.err();
    }

    Volume await(String name, Predicate<VolumeStatus> wanted) {
        return Awaitility.await("status of volume " + name)
                .atMost(LONG)
                .until(
                        () -> client.resources(Volume.class).withName(name).get(),
                        volume -> volume != null && volume.getStatus() != null && wanted.test(volume.getStatus()));
    }

    VolumeMembershipSpec membership(Volume volume) {
        return client.resources(VolumeMembership.class)
                .withName(volume.getSpec().id())
                .get()
                .getSpec();
    }

    /** Requests about volumes that the API server has answered, those that only listen left out. */
    long requestsAboutVolumes() {
        long count = 0;
        for (String line : client.raw("/metrics").split("\n")) {
            if (line.startsWith("apiserver_request_total{")
                    && line.contains("group=\"cairn.storage\"")
                    && line.contains("resource=\"volume")
                    && !line.contains("verb=\"WATCH\"")) {
                count += (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
            }
        }
        return count;
    }

    /** The logs of all processes, for a failure. */
    String logs() {
        StringBuilder all = new StringBuilder();
        engines.forEach((number, engine) -> {
            all.append("--- engine " + number + (engine.isAlive() ? "\n" : ", which has ended\n"));
            all.append(text(nodeFolder(number).resolve("output")));
            all.append(text(nodeFolder(number).resolve("engine.log")));
        });
        return all.append("--- replica manager\n" + text(folder.resolve("manager.log")))
                .toString();
    }

    private static String text(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        List<Process> all = new ArrayList<>(engines.values());
        Process running = manager;
        if (running != null) {
            all.add(running);
        }
        all.forEach(Process::destroyForcibly);
        all.forEach(process -> process.onExit().join());
        if (System.getenv("CAIRN_TEST_LOGS") != null) {
            System.out.println(logs());
        }
        client.close();
        server.close();
    }
}
