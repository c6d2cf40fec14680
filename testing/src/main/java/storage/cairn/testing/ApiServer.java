package storage.cairn.testing;

import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;

/**
 * A real Kubernetes API server with its etcd, without nodes and controllers, on loopback. Its binaries are those that
 * {@code e2e/cluster build --api-server} makes; where they are not, the test that asks for one is skipped and says so.
 */
public final class ApiServer implements AutoCloseable {
    /** A busy machine holds up a request, too. */
    private static final int REQUEST_MILLIS = 120_000;

    private static final Duration START = Duration.ofMinutes(5);

    private final Path binaries;
    private final Path folder;
    private final String token = UUID.randomUUID().toString();
    private final int port;
    private int starts;
    private final int etcdPort;
    private final int peerPort;
    private final Map<String, Process> processes = new ConcurrentHashMap<>();
    private final Thread ending = new Thread(this::killAll);

    private ApiServer(Path binaries) throws IOException {
        this.binaries = binaries;
        this.folder = Files.createTempDirectory("cairn-api-server");
        this.port = FreePorts.next();
        this.etcdPort = FreePorts.next();
        this.peerPort = FreePorts.next();
    }

    /** Starts one; blocks until it serves, some five seconds. */
    public static ApiServer start() throws IOException {
        Path binaries = Binaries.require("etcd", "kube-apiserver");
        ApiServer server = new ApiServer(binaries);
        Runtime.getRuntime().addShutdownHook(server.ending);
        server.writeFiles();
        server.startEtcd();
        server.startApiServer();
        return server;
    }

    /** What {@code e2e/cluster build} made. */
    static final class Binaries {
        private Binaries() {}

        /** Their folder; without one of them the test that asks is skipped. */
        static Path require(String... names) {
            Assumptions.assumeTrue(!"off".equals(System.getenv("CAIRN_E2E")), "skipped: CAIRN_E2E=off");
            String home = System.getenv("CAIRN_E2E_DIR");
            Path binaries = (home == null
                            ? Path.of(System.getProperty("user.home"), ".cache", "cairn-e2e")
                            : Path.of(home))
                    .resolve("bin");
            for (String name : names) {
                Assumptions.assumeTrue(
                        Files.isExecutable(binaries.resolve(name)),
                        "skipped: no Kubernetes in " + binaries + ": run 'e2e/cluster build' (seven minutes),"
                                + " or CAIRN_E2E=on ./cairn test");
            }
            return binaries;
        }
    }

    /** The folder of what {@code e2e/cluster build} made; without one of {@code names} the test that asks is skipped. */
    public static Path binaries(String... names) {
        return Binaries.require(names);
    }

    private void writeFiles() throws IOException {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            byte[] key = generator.generateKeyPair().getPrivate().getEncoded();
            Files.writeString(
                    folder.resolve("accounts.key"),
                    "-----BEGIN PRIVATE KEY-----\n" + Base64.getMimeEncoder().encodeToString(key)
                            + "\n-----END PRIVATE KEY-----\n");
        } catch (NoSuchAlgorithmException e) {
            throw new IOException(e);
        }
    }

    /** A token that is refused after the API server's next start, as one of a pod is after an hour. */
    public String passingToken() {
        return token + "-" + starts;
    }

    private void startEtcd() throws IOException {
        String clients = "http://127.0.0.1:" + etcdPort;
        String peers = "http://127.0.0.1:" + peerPort;
        launch(
                "etcd",
                "--data-dir=" + folder.resolve("etcd"),
                "--unsafe-no-fsync",
                "--log-level=warn",
                "--listen-client-urls=" + clients,
                "--advertise-client-urls=" + clients,
                "--listen-peer-urls=" + peers,
                "--initial-advertise-peer-urls=" + peers,
                "--initial-cluster=default=" + peers);
    }

    /** Starts the API server again after {@link #killApiServer}, at the same address; blocks until it serves. */
    public void startApiServer() throws IOException {
        starts++;
        Files.writeString(
                folder.resolve("tokens.csv"),
                token + ",admin,admin,system:masters\n" + passingToken() + ",pod,pod,system:masters\n");
        Process process = launch(
                "kube-apiserver",
                "--etcd-servers=http://127.0.0.1:" + etcdPort,
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--secure-port=" + port,
                "--cert-dir=" + folder.resolve("certificates"),
                "--service-cluster-ip-range=10.96.0.0/16",
                "--allow-privileged=true",
                "--token-auth-file=" + folder.resolve("tokens.csv"),
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-key-file=" + folder.resolve("accounts.key"),
                "--service-account-signing-key-file=" + folder.resolve("accounts.key"));
        try (KubernetesClient client = client()) {
            Awaitility.await("API server, its log is in " + folder)
                    .atMost(START)
                    .pollInterval(Duration.ofMillis(100))
                    .failFast(() -> !process.isAlive())
                    .until(() -> ready(client));
        }
    }

    private static boolean ready(KubernetesClient client) {
        try {
            return "ok".equals(client.raw("/readyz"));
        } catch (KubernetesClientException notYet) {
            return false;
        }
    }

    private Process launch(String program, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(binaries.resolve(program).toString()));
        command.addAll(Arrays.asList(arguments));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve(program + ".log").toFile()))
                .start();
        processes.put(program, process);
        return process;
    }

    /** SIGKILL for the API server; etcd lives on. */
    public void killApiServer() {
        kill("kube-apiserver");
    }

    /** Takes a copy of the whole state, as a backup of etcd is. Both processes are down meanwhile. */
    public void backUp() throws IOException {
        killAll();
        copy(folder.resolve("etcd"), folder.resolve("backup"));
        startEtcd();
        startApiServer();
    }

    /** Goes back to the state of {@link #backUp}. */
    public void restore() throws IOException {
        killAll();
        delete(folder.resolve("etcd"));
        copy(folder.resolve("backup"), folder.resolve("etcd"));
        startEtcd();
        startApiServer();
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.sorted().toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    private static void delete(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private void kill(String program) {
        Process process = processes.remove(program);
        if (process != null) {
            process.destroyForcibly().onExit().join();
        }
    }

    private void killAll() {
        kill("kube-apiserver");
        kill("etcd");
    }

    /** Where it listens on 127.0.0.1, with TLS. */
    public int port() {
        return port;
    }

    /** A kubeconfig of an administrator, by way of {@code port} of 127.0.0.1. */
    public String kubeconfig(int port) throws IOException {
        String authority = Base64.getEncoder()
                .encodeToString(
                        Files.readAllBytes(folder.resolve("certificates").resolve("apiserver.crt")));
        return String.format(Locale.ROOT, """
                apiVersion: v1
                kind: Config
                current-context: test
                contexts: [{name: test, context: {cluster: test, user: admin}}]
                clusters: [{name: test, cluster: {server: "https://127.0.0.1:%d", certificate-authority-data: %s}}]
                users: [{name: admin, user: {token: %s}}]
                """, port, authority, token);
    }

    /** A client with all rights. */
    public KubernetesClient client() {
        return new KubernetesClientBuilder().withConfig(config()).build();
    }

    /** A client that acts as a service account in the namespace cairn-system, on a node if {@code node} is not empty. */
    public KubernetesClient clientOf(String serviceAccount, String node) {
        Config config = config();
        config.setImpersonateUsername("system:serviceaccount:cairn-system:" + serviceAccount);
        config.setImpersonateGroups("system:serviceaccounts", "system:authenticated");
        if (!node.isEmpty()) {
            // It becomes the name of a header, where a slash has to be escaped.
            config.setImpersonateExtras(Map.of("authentication.kubernetes.io%2fnode-name", List.of(node)));
        }
        return new KubernetesClientBuilder().withConfig(config).build();
    }

    private Config config() {
        return new ConfigBuilder(Config.empty())
                .withMasterUrl("https://127.0.0.1:" + port)
                .withOauthToken(token)
                .withTrustCerts(true)
                .withRequestRetryBackoffLimit(0)
                .withConnectionTimeout(REQUEST_MILLIS)
                .withRequestTimeout(REQUEST_MILLIS)
                .build();
    }

    /** Creates the definitions of a folder, and waits until their resources are served. */
    public void define(Path folder) throws IOException {
        create(folder);
        try (KubernetesClient client = client()) {
            Awaitility.await("definitions")
                    .atMost(Duration.ofMinutes(3))
                    .until(() -> client.apiextensions().v1().customResourceDefinitions().list().getItems().stream()
                            .allMatch(ApiServer::established));
        }
    }

    private static boolean established(CustomResourceDefinition definition) {
        return definition.getStatus() != null
                && definition.getStatus().getConditions().stream()
                        .anyMatch(condition -> condition.getType().equals("Established")
                                && condition.getStatus().equals("True"));
    }

    /** Creates what the YAML files of a folder of the chart hold, in the order of their names, for cairn-system. */
    public void create(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(each -> each.toString().endsWith(".yaml"))
                    .sorted()
                    .toList()) {
                createFile(file);
            }
        }
    }

    /** Creates what one YAML file of the chart holds, without the labels that the chart's helpers fill in. */
    public void createFile(Path file) throws IOException {
        String text = Files.readString(file)
                .replace("{{ .Release.Namespace }}", "cairn-system")
                .replaceAll("(?m)^ *\\{\\{- include .*\\}\\}\n", "");
        try (InputStream in = new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
                KubernetesClient client = client()) {
            client.load(in).create();
        }
    }

    @Override
    public void close() throws IOException {
        killAll();
        Runtime.getRuntime().removeShutdownHook(ending);
        delete(folder);
    }
}
