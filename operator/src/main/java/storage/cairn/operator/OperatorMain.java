package storage.cairn.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.javaoperatorsdk.operator.Operator;
import io.javaoperatorsdk.operator.api.config.LeaderElectionConfigurationBuilder;
import io.javaoperatorsdk.operator.monitoring.micrometer.MicrometerMetricsV2;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import storage.cairn.api.process.OrderlyEnd;
import storage.cairn.api.process.Pages;
import storage.cairn.api.process.Signals;

/** The operator process. Of several one leads; one that loses its lease ends, and is started again by Kubernetes. */
public final class OperatorMain {
    private static final String PAGES_PORT = "8080";
    private static final int ENDED = 0;
    private static final int LOST = 1;
    private static final Duration ROUND = Duration.ofSeconds(5);
    private static final Duration LEASE = Duration.ofSeconds(6);
    private static final Duration RENEW = Duration.ofSeconds(4);
    private static final Duration RETRY = Duration.ofSeconds(1);

    private static final Logger LOG = LoggerFactory.getLogger(OperatorMain.class);

    private OperatorMain() {}

    public static void main(String[] args) throws IOException {
        AtomicBoolean ended = new AtomicBoolean();
        String version = OperatorMain.class.getPackage().getImplementationVersion();
        Settings settings = Settings.of(System.getenv(), version == null ? "development" : version);
        String identity = System.getenv().getOrDefault("HOSTNAME", "cairn") + "_" + UUID.randomUUID();
        KubernetesClient client = new KubernetesClientBuilder().build();
        PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        new JvmMemoryMetrics().bindTo(metrics);
        new ProcessorMetrics().bindTo(metrics);
        Operator operator = new Operator(overrider -> overrider
                .withKubernetesClient(client)
                // The lease is given back after the stop.
                .withCloseClientOnStop(false)
                .withMetrics(MicrometerMetricsV2.newBuilder(metrics).build())
                .withStopOnInformerErrorDuringStartup(false)
                .withReconciliationTerminationTimeout(ROUND)
                .withLeaderElectionConfiguration(LeaderElectionConfigurationBuilder.aLeaderElectionConfiguration(
                                Names.FIELD_MANAGER)
                        .withLeaseNamespace(settings.namespace())
                        .withIdentity(identity)
                        .withLeaseDuration(LEASE)
                        .withRenewDeadline(RENEW)
                        .withRetryPeriod(RETRY)
                        .withLeaderCallbacks(new LeaderCallbacks(() -> {}, () -> leadNoMore(ended), leader -> {}))
                        .build()));
        Cluster api = new Cluster(client, settings);
        operator.register(new StorageClusterReconciler(api, settings, Clock.systemUTC()));
        int port = Integer.parseInt(System.getenv().getOrDefault("CAIRN_PAGES_PORT", PAGES_PORT));
        Pages pages = Pages.open(new InetSocketAddress(port), metrics::scrape, () -> problem(operator), () -> "");
        Farewell farewell = new Farewell(api, client, settings);
        Signals.onTermination(() -> {
            if (ended.getAndSet(true)) {
                return;
            }
            boolean inTime = OrderlyEnd.inTime(() -> {
                // One that still starts, which may take as long as the API server is away, has nothing to complete.
                if (operator.getRuntimeInfo().isStarted()) {
                    LOG.info("ends: the round that is under way is completed");
                    operator.stop();
                    OrderlyEnd.giveBack(client, settings.namespace(), Names.FIELD_MANAGER, identity);
                }
                farewell.close();
                pages.close();
            });
            if (!inTime) {
                LOG.warn("ends without having given its lease back: does the API server answer?");
            }
            Runtime.getRuntime().halt(ENDED);
        });
        operator.start();
        farewell.start();
    }

    /**
     * At once, unless this process was told to end: another one may lead already. An orderly end would wait for the
     * election, on whose thread this is called, and the rounds would go on meanwhile.
     */
    private static void leadNoMore(AtomicBoolean ended) {
        if (ended.get()) {
            return;
        }
        LOG.warn("this process leads no more, and ends");
        Runtime.getRuntime().halt(LOST);
    }

    /** One that waits to lead has no event sources yet and is well. */
    private static String problem(Operator operator) {
        var runtime = operator.getRuntimeInfo();
        return !runtime.isStarted() || runtime.allEventSourcesAreHealthy()
                ? ""
                : "what is watched is not heard of: " + runtime.unhealthyEventSources();
    }
}
