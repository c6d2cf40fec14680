package storage.cairn.csi;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.grpc.BindableService;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import storage.cairn.api.process.Pages;
import storage.cairn.api.process.Signals;
import storage.cairn.client.attach.Attachments;

/** The process of the driver: the controller's calls, a node's, or both, until a signal ends it. */
@Command(
        name = "csi",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "The CSI driver " + IdentityService.DRIVER + ".")
public final class CsiMain implements Callable<Integer> {
    private static final Logger LOG = LogManager.getLogger(CsiMain.class);
    private static final String UNIX = "unix://";

    @Spec
    private CommandLine.Model.@Nullable CommandSpec spec;

    @Option(
            names = "--endpoint",
            required = true,
            paramLabel = "unix:///PATH",
            description = "Socket that CSI is served on.")
    private String endpoint = "";

    @Option(names = "--controller", description = "Serve the controller's calls.")
    private boolean controller;

    @Option(
            names = "--node",
            paramLabel = "NAME",
            description = "Serve the calls of the node of this name in Kubernetes.")
    private String node = "";

    @Option(
            names = "--engine",
            defaultValue = "/var/lib/cairn",
            paramLabel = "FOLDER",
            description = "Folder of this node's engine, with its sockets (default ${DEFAULT-VALUE}).")
    private Path engineFolder = Path.of("/var/lib/cairn");

    @Option(
            names = "--state",
            defaultValue = "/var/lib/cairn/csi",
            paramLabel = "FOLDER",
            description = "Where this node's attachments are recorded (default ${DEFAULT-VALUE}).")
    private Path state = Path.of("/var/lib/cairn/csi");

    @Option(
            names = "--host-cgroups",
            paramLabel = "FOLDER",
            description =
                    "Where the host's /sys/fs/cgroup is: what stays behind devices leaves the pod's cgroup, and so"
                            + " outlives the pod.")
    private @Nullable Path cgroups;

    @Option(
            names = "--register",
            paramLabel = "FOLDER",
            description = "Folder that kubelet watches for plugins; without it kubelet is told nothing.")
    private @Nullable Path registry;

    @Option(
            names = "--endpoint-for-kubelet",
            paramLabel = "PATH",
            description = "The socket as kubelet sees it; as --endpoint when not given.")
    private @Nullable Path kubeletEndpoint;

    @Option(names = "--kubeconfig", paramLabel = "FILE", description = "How to reach the API server; a pod needs none.")
    private @Nullable Path kubeconfig;

    @Option(
            names = "--listen",
            defaultValue = "0.0.0.0:8080",
            paramLabel = "HOST:PORT",
            description = "Where /metrics, /healthz and /readyz are (default ${DEFAULT-VALUE}).")
    private String listen = "";

    private final CountDownLatch ended = new CountDownLatch(1);
    private final CallFigures figures = new CallFigures();

    private CsiMain() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new CsiMain()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Path socket = socket();
        if (!controller && node.isEmpty()) {
            throw misused("nothing to serve: give --controller, --node NAME, or both");
        }
        Signals.onTermination(ended::countDown);
        Config config = kubeconfig == null ? Config.autoConfigure(null) : Config.fromKubeconfig(kubeconfig.toFile());
        String version = String.valueOf(CsiMain.class.getPackage().getImplementationVersion());
        Calls calls = new Calls(figures);
        try (KubernetesClient client =
                        new KubernetesClientBuilder().withConfig(config).build();
                EngineControl engine = new EngineControl(engineFolder)) {
            VolumeResources volumes = new VolumeResources(client);
            BooleanSupplier ready = () -> node.isEmpty() || engine.answers();
            Attachments attachments = new Attachments(state, cgroups);
            List<BindableService> services = new ArrayList<>();
            services.add(new IdentityService(version, ready, calls));
            if (controller) {
                services.add(new ControllerService(volumes, calls));
            }
            StagedVolumes staged = new StagedVolumes(state.resolve("staged"));
            Staging staging = new Staging(node, volumes, engine, attachments, staged);
            OperationLocks locks = new OperationLocks();
            if (!node.isEmpty()) {
                Files.createDirectories(state);
                services.add(new NodeService(node, staged, staging, attachments, volumes, engine, locks, calls));
            }
            Supplier<String> unready = () -> ready.getAsBoolean() ? "" : "the engine of this node does not answer";
            try (Pages _ = Pages.open(address(), figures::page, () -> "", unready);
                    SocketServer _ = new SocketServer(socket, services);
                    Recall _ = new Recall(engine, attachments);
                    Registrar registration = register(socket, engine);
                    Cleaning cleaning = new Cleaning(
                            node, volumes, staging, locks, () -> registration == null || registration.isKnown())) {
                LOG.info(
                        "version={} endpoint={} controller={} node={} registers={}",
                        version,
                        socket,
                        controller,
                        node,
                        registration != null);
                if (!node.isEmpty()) {
                    cleaning.start();
                }
                ended.await();
                LOG.info("ends: calls that are under way are completed");
            }
        }
        return 0;
    }

    private @Nullable Registrar register(Path socket, EngineControl engine) {
        if (registry == null || node.isEmpty()) {
            return null;
        }
        return new Registrar(engine, registry, kubeletEndpoint == null ? socket : kubeletEndpoint);
    }

    private Path socket() {
        String path = endpoint.startsWith(UNIX) ? endpoint.substring(UNIX.length()) : endpoint;
        if (!path.startsWith("/")) {
            throw misused("--endpoint '" + endpoint + "': give unix:///PATH of a socket");
        }
        return Path.of(path);
    }

    private ParameterException misused(String message) {
        if (spec == null) {
            throw new IllegalStateException("not set up by picocli");
        }
        return new ParameterException(spec.commandLine(), message);
    }

    private InetSocketAddress address() {
        try {
            return Pages.address(listen);
        } catch (IllegalArgumentException e) {
            throw misused("--listen " + e.getMessage());
        }
    }
}
