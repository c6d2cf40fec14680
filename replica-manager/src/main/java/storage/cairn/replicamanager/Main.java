package storage.cairn.replicamanager;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import storage.cairn.api.process.OrderlyEnd;
import storage.cairn.api.process.Pages;
import storage.cairn.api.process.Signals;
import storage.cairn.api.resource.Api;
import storage.cairn.replicamanager.failover.FailoverProcess;

/** The process: waits until it leads, then sweeps until it leads no more, and ends. */
@Command(
        name = "replica-manager",
        mixinStandardHelpOptions = true,
        description = "Places the replicas of volumes, replaces lost ones, and tells how volumes are.")
public final class Main implements Callable<Integer> {
    private static final Logger LOG = LogManager.getLogger(Main.class);
    private static final Duration LEASE = Duration.ofSeconds(6);
    private static final Duration RENEW = Duration.ofSeconds(4);
    private static final Duration RETRY = Duration.ofSeconds(1);

    @Option(names = "--kubeconfig", paramLabel = "FILE", description = "How to reach the API server; a pod needs none.")
    private @Nullable Path kubeconfig;

    @Option(
            names = "--listen",
            defaultValue = "0.0.0.0:8080",
            paramLabel = "HOST:PORT",
            description = "Where /metrics, /healthz and /readyz are (default ${DEFAULT-VALUE}).")
    private String listen = "";

    @Option(
            names = "--replace-after-seconds",
            defaultValue = "600",
            description = "A replica that is away for so long is replaced (default ${DEFAULT-VALUE}).")
    private long replaceAfterSeconds;

    @Option(
            names = "--silence-seconds",
            defaultValue = "40",
            description = "A node whose engine was not heard of for so long counts as away (default"
                    + " ${DEFAULT-VALUE}; engines show themselves every 10).")
    private long silenceSeconds;

    @Option(
            names = "--restore-window-seconds",
            defaultValue = "86400",
            description = "How long a deleted volume can be restored (default ${DEFAULT-VALUE}).")
    private long restoreWindowSeconds;

    @Option(
            names = "--role",
            defaultValue = "placement",
            description = "placement: places and replaces replicas; failover: gives the volumes and pods of dead nodes"
                    + " to others, with a lease and rights of its own (default ${DEFAULT-VALUE}).")
    private Role role = Role.placement;

    /** Named as they are written. */
    private enum Role {
        placement,
        failover
    }

    /** As kube-scheduler calls itself: the pod's name says who leads. */
    private final String identity = System.getenv().getOrDefault("HOSTNAME", "cairn") + "_" + UUID.randomUUID();

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Figures figures = new Figures();
    private volatile @Nullable ReplicaManager manager;
    private volatile @Nullable FailoverProcess failover;
    private volatile @Nullable CompletableFuture<?> election;

    private Main() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Config config = kubeconfig == null ? Config.autoConfigure(null) : Config.fromKubeconfig(kubeconfig.toFile());
        Signals.onTermination(ended::countDown);
        try (Pages _ = Pages.open(address(), figures::page, this::problem, this::unready);
                KubernetesClient client =
                        new KubernetesClientBuilder().withConfig(config).build()) {
            if (role == Role.failover) {
                watch(client);
            }
            CompletableFuture<?> stands = elect(client);
            election = stands;
            ended.await();
            stopWatching();
            boolean inTime = OrderlyEnd.inTime(() -> {
                stands.cancel(true);
                OrderlyEnd.giveBack(client, Api.NAMESPACE, lease(), identity);
            });
            if (!inTime) {
                LOG.warn("ends without having given its lease back: does the API server answer?");
            }
        }
        return 0;
    }

    private CompletableFuture<?> elect(KubernetesClient client) {
        return client.leaderElector()
                .withConfig(new LeaderElectionConfigBuilder()
                        .withName("replica-manager")
                        .withLock(new LeaseLock(Api.NAMESPACE, lease(), identity))
                        .withLeaseDuration(LEASE)
                        .withRenewDeadline(RENEW)
                        .withRetryPeriod(RETRY)
                        .withReleaseOnCancel(true)
                        .withLeaderCallbacks(new LeaderCallbacks(
                                () -> lead(client), this::leadNoMore, leader -> LOG.info("{} leads", leader)))
                        .build())
                .build()
                .start();
    }

    private String lease() {
        return switch (role) {
            case placement -> "cairn-replica-manager";
            case failover -> "cairn-failover";
        };
    }

    private void lead(KubernetesClient client) {
        LOG.info("this process leads");
        figures.leads(true);
        switch (role) {
            case placement -> place(client);
            case failover -> Objects.requireNonNull(failover).lead();
        }
    }

    private void watch(KubernetesClient client) {
        FailoverProcess fresh = new FailoverProcess(client, figures.registry());
        failover = fresh;
        fresh.start();
    }

    private void place(KubernetesClient client) {
        Rules usual = Rules.DEFAULTS;
        ReplicaManager fresh = new ReplicaManager(
                client,
                new Rules(
                        Duration.ofSeconds(silenceSeconds),
                        Duration.ofSeconds(replaceAfterSeconds),
                        Duration.ofSeconds(restoreWindowSeconds),
                        usual.rebalanceGapPercent(),
                        usual.moves()),
                figures);
        manager = fresh;
        fresh.start();
    }

    /** Whatever it knows is of the past now: the process ends, and a fresh one waits its turn. */
    private void leadNoMore() {
        LOG.info("this process leads no more");
        figures.leads(false);
        ReplicaManager before = manager;
        if (before != null) {
            before.close();
        }
        stopWatching();
        ended.countDown();
    }

    private void stopWatching() {
        FailoverProcess watching = failover;
        if (watching != null) {
            watching.close();
        }
    }

    private InetSocketAddress address() {
        try {
            return Pages.address(listen);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(new CommandLine(this), "--listen " + e.getMessage(), e);
        }
    }

    /** Why this process cannot do what it is for now, empty when it can. */
    private String unready() {
        ReplicaManager leading = manager;
        FailoverProcess watching = failover;
        boolean ready = (leading == null || leading.isReady()) && (watching == null || watching.isReady());
        return ready ? "" : "not everything is known yet";
    }

    /** Why this process has to be started anew, empty when it does what it is for. */
    private String problem() {
        ReplicaManager leading = manager;
        CompletableFuture<?> stands = election;
        if (stands != null && stands.isDone()) {
            return "the election of a leader has ended";
        }
        FailoverProcess watching = failover;
        if (watching != null && !watching.problem().isEmpty()) {
            return watching.problem();
        }
        return leading == null ? "" : leading.problem();
    }
}
