package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import storage.cairn.api.process.Pages;
import storage.cairn.api.process.Signals;

/** The process. */
@Command(
        name = "scheduler-extender",
        mixinStandardHelpOptions = true,
        description = "Tells kube-scheduler where the data of pods is, and sends pods with data to it.")
public final class Main implements Callable<Integer> {
    @Option(names = "--kubeconfig", paramLabel = "FILE", description = "How to reach the API server; a pod needs none.")
    private @Nullable Path kubeconfig;

    @Option(
            names = "--extender",
            defaultValue = "127.0.0.1:7490",
            paramLabel = "HOST:PORT",
            description = "Where kube-scheduler asks (default ${DEFAULT-VALUE}).")
    private String extender = "";

    @Option(
            names = "--webhook",
            defaultValue = "0.0.0.0:8443",
            paramLabel = "HOST:PORT",
            description = "Where the API server asks about new pods, with TLS (default ${DEFAULT-VALUE}).")
    private String webhook = "";

    @Option(
            names = "--webhook-url",
            defaultValue = "",
            paramLabel = "URL",
            description = "How the API server reaches that; default: by the Service cairn-scheduler.")
    private String webhookUrl = "";

    @Option(
            names = "--listen",
            defaultValue = "0.0.0.0:8080",
            paramLabel = "HOST:PORT",
            description = "Where /metrics, /healthz and /readyz are (default ${DEFAULT-VALUE}).")
    private String listen = "";

    @Option(
            names = "--mode",
            defaultValue = "scheduler",
            description = "scheduler: pods with volumes of Cairn are sent to cairn-scheduler; affinity: they get a"
                    + " preferred affinity to their data instead (default ${DEFAULT-VALUE}).")
    private Routing.Mode mode = Routing.Mode.scheduler;

    private Main() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Config config = kubeconfig == null ? Config.autoConfigure(null) : Config.fromKubeconfig(kubeconfig.toFile());
        CountDownLatch ended = new CountDownLatch(1);
        Signals.onTermination(ended::countDown);
        try (KubernetesClient client =
                        new KubernetesClientBuilder().withConfig(config).build();
                SchedulerExtender process = new SchedulerExtender(
                        client,
                        new SchedulerExtender.Settings(
                                address("--extender", extender),
                                address("--webhook", webhook),
                                address("--listen", listen),
                                mode,
                                webhookUrl,
                                System.getenv().getOrDefault("POD_NAME", "")))) {
            if (process.start(ended)) {
                ended.await();
            }
        }
        return 0;
    }

    private InetSocketAddress address(String option, String text) {
        try {
            return Pages.address(text);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(new CommandLine(this), option + " " + e.getMessage(), e);
        }
    }
}
