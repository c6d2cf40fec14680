package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.javaoperatorsdk.operator.api.config.informer.InformerEventSourceConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.Context;
import io.javaoperatorsdk.operator.api.reconciler.ControllerConfiguration;
import io.javaoperatorsdk.operator.api.reconciler.ErrorStatusUpdateControl;
import io.javaoperatorsdk.operator.api.reconciler.EventSourceContext;
import io.javaoperatorsdk.operator.api.reconciler.MaxReconciliationInterval;
import io.javaoperatorsdk.operator.api.reconciler.Reconciler;
import io.javaoperatorsdk.operator.api.reconciler.RetryInfo;
import io.javaoperatorsdk.operator.api.reconciler.UpdateControl;
import io.javaoperatorsdk.operator.processing.event.ResourceID;
import io.javaoperatorsdk.operator.processing.event.rate.LinearRateLimiter;
import io.javaoperatorsdk.operator.processing.event.rate.RateLimited;
import io.javaoperatorsdk.operator.processing.event.source.EventSource;
import io.javaoperatorsdk.operator.processing.event.source.informer.InformerEventSource;
import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import io.javaoperatorsdk.operator.processing.retry.GradualRetry;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageClusterStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;

/**
 * Makes what {@link Plan} says so, each time anything that it depends on changes, and each minute. One round looks,
 * decides, writes, and tells.
 */
@ControllerConfiguration(
        name = "storagecluster",
        fieldManager = Names.FIELD_MANAGER,
        generationAwareEventProcessing = true,
        maxReconciliationInterval = @MaxReconciliationInterval(interval = 60, timeUnit = TimeUnit.SECONDS),
        retry = GenericRetry.class,
        rateLimiter = LinearRateLimiter.class)
@GradualRetry(maxAttempts = -1, initialInterval = 1_000, intervalMultiplier = 1.5, maxInterval = 30_000)
@RateLimited(maxReconciliations = 1, within = 1)
final class StorageClusterReconciler implements Reconciler<StorageCluster> {
    private static final Logger LOG = LoggerFactory.getLogger(StorageClusterReconciler.class);
    private static final Duration WHILE_SOMETHING_MOVES = Duration.ofSeconds(5);
    /** Rounds that fail one after the other. */
    private static final int WORTH_TELLING = 4;

    /** What is followed of what the operator makes in its namespace. */
    private static final List<Class<? extends HasMetadata>> MADE = List.of(
            Pod.class, DaemonSet.class, Deployment.class, PodDisruptionBudget.class, ConfigMap.class, Service.class);

    private static final Set<ResourceID> THE_ONE = Set.of(new ResourceID(Names.CLUSTER));

    private final Cluster api;
    private final Settings settings;
    private final Clock clock;

    StorageClusterReconciler(Cluster api, Settings settings, Clock clock) {
        this.api = api;
        this.settings = settings;
        this.clock = clock;
    }

    @Override
    public List<EventSource<?, StorageCluster>> prepareEventSources(EventSourceContext<StorageCluster> context) {
        List<EventSource<?, StorageCluster>> sources = new ArrayList<>();
        for (Class<? extends HasMetadata> type : List.of(
                Node.class, StorageNode.class, Disk.class, StoragePool.class, Volume.class, VolumeMembership.class)) {
            sources.add(source(type, "", context));
        }
        for (Class<? extends HasMetadata> type : MADE) {
            sources.add(source(type, settings.namespace(), context));
        }
        return sources;
    }

    private static Cluster.Followed followed(Context<StorageCluster> context) {
        Map<String, String> versions = new HashMap<>();
        Set<String> kinds = new HashSet<>();
        List<Class<? extends HasMetadata>> types = new ArrayList<>(MADE);
        types.add(StorageNode.class);
        for (Class<? extends HasMetadata> type : types) {
            kinds.add(HasMetadata.getKind(type));
            context.getSecondaryResources(type)
                    .forEach(each -> versions.put(
                            each.getKind() + "/" + each.getMetadata().getName(),
                            each.getMetadata().getResourceVersion()));
        }
        return (wanted, version) -> !kinds.contains(wanted.getKind())
                || Objects.equals(
                        version,
                        versions.get(
                                wanted.getKind() + "/" + wanted.getMetadata().getName()));
    }

    /** All of a kind, and in a namespace only what the operator made. */
    private static <T extends HasMetadata> InformerEventSource<T, StorageCluster> source(
            Class<T> type, String namespace, EventSourceContext<StorageCluster> context) {
        var configuration = InformerEventSourceConfiguration.from(type, StorageCluster.class)
                .withName(type.getSimpleName())
                .withSecondaryToPrimaryMapper(any -> THE_ONE);
        if (namespace.isEmpty()) {
            configuration.withWatchAllNamespaces();
        } else {
            configuration.withNamespaces(namespace).withLabelSelector(Names.MANAGED);
        }
        if (type == Node.class) {
            // A node's report of its own health comes each minute and concerns nobody here.
            configuration.withOnUpdateFilter((now, before) -> concerns((Node) now, (Node) before));
        }
        return new InformerEventSource<>(configuration.build(), context);
    }

    private static boolean concerns(Node now, Node before) {
        return !now.getMetadata().getLabels().equals(before.getMetadata().getLabels())
                || !now.getStatus().getAddresses().equals(before.getStatus().getAddresses());
    }

    @Override
    public UpdateControl<StorageCluster> reconcile(StorageCluster cluster, Context<StorageCluster> context) {
        if (!cluster.getMetadata().getName().equals(Names.CLUSTER)) {
            return UpdateControl.patchStatus(refused(cluster));
        }
        Observed observed = observe(context);
        Identity identity;
        switch (Recognition.of(cluster, api.identity(), observed, settings)) {
            case Recognition.Known known -> identity = known.identity();
            case Recognition.Fresh fresh -> identity = api.makeIdentity(fresh.clusterId());
            case Recognition.Lost lost -> {
                return UpdateControl.patchStatus(stopped(cluster, "IdentityLost", lost.why()))
                        .rescheduleAfter(WHILE_SOMETHING_MOVES);
            }
        }
        Plan plan = Plan.of(cluster, identity, observed, settings);
        // Engines wait for the identity in the status, and for their StorageNodes.
        if (cluster.getStatus() == null || cluster.getStatus().clusterId() == null) {
            LOG.info("cluster {} begins", identity.clusterId());
            return UpdateControl.patchStatus(beginning(cluster, identity)).rescheduleAfter(Duration.ofMillis(1));
        }
        List<String> problems = new ArrayList<>(plan.problems());
        Cluster.Followed followed = followed(context);
        plan.kept().forEach(each -> keep(each, followed));
        plan.owned().forEach(each -> note(problems, api.apply(each, followed)));
        api.prune(plan.owned());
        pools(observed, problems);
        problems.addAll(api.missing(Right.of(settings, SchedulerWorkload.isWanted(cluster.getSpec(), settings))));
        Rollout.Step step = new Rollout(observed, plan.revision(), upgradeAnyway(cluster)).next();
        if (step instanceof Rollout.Step.Restart restart) {
            LOG.info("restarts the engine of {}, {} to go", Rollout.nodeOf(restart.pod()), restart.left());
            api.restart(restart.pod());
        }
        Summary.Told told = new Summary(cluster, observed, settings).tell(identity, plan, problems, step);
        told.turns().forEach(turn -> tell(cluster, turn));
        UpdateControl<StorageCluster> update = told.status().equals(cluster.getStatus())
                ? UpdateControl.noUpdate()
                : UpdateControl.patchStatus(withStatus(cluster, told.status()));
        return told.status().phase() == StorageClusterStatus.Phase.READY
                ? update
                : update.rescheduleAfter(WHILE_SOMETHING_MOVES);
    }

    private static void note(List<String> problems, String problem) {
        if (!problem.isEmpty()) {
            problems.add(problem);
        }
    }

    private void tell(StorageCluster cluster, Conditions.Turn turn) {
        boolean warning =
                turn.status() == turn.type().equals("Degraded") && !turn.type().equals("Progressing");
        LOG.info("{}={} {}: {}", turn.type(), turn.status(), turn.reason(), turn.message());
        api.event(cluster, warning, turn.reason(), turn.message());
    }

    /** Without finalizer: everything goes with the StorageCluster, but for what tells which disks are whose. */
    private Observed observe(Context<StorageCluster> context) {
        return new Observed(
                clock.instant(),
                context.getSecondaryResources(Node.class).stream().toList(),
                context.getSecondaryResources(StorageNode.class).stream().toList(),
                api.numbers(),
                context.getSecondaryResources(Disk.class).stream().toList(),
                context.getSecondaryResources(StoragePool.class).stream().toList(),
                context.getSecondaryResources(VolumeMembership.class).stream().toList(),
                context.getSecondaryResources(Volume.class).size(),
                context.getSecondaryResources(Pod.class).stream()
                        .filter(pod -> Names.ENGINE.equals(
                                pod.getMetadata().getLabels().get(Names.NAME)))
                        .toList(),
                api.definesServiceMonitors());
    }

    /** What tells which disks are whose: without it nothing else is begun. */
    private void keep(HasMetadata wanted, Cluster.Followed followed) {
        if (wanted instanceof StoragePool) {
            api.create(wanted);
            return;
        }
        String problem = api.apply(wanted, followed);
        if (!problem.isEmpty()) {
            throw new IllegalStateException(problem);
        }
    }

    private void pools(Observed observed, List<String> problems) {
        Pools pools = new Pools(observed);
        Pools.Admissions admissions = pools.admissions();
        admissions.pools().forEach((disk, pool) -> {
            LOG.info("disk {} goes into pool {}", disk, pool);
            note(problems, api.admit(disk, pool));
        });
        for (StoragePool pool : observed.pools()) {
            api.status(pool, pools.status(pool));
        }
        problems.addAll(admissions.problems());
    }

    private static boolean upgradeAnyway(StorageCluster cluster) {
        return cluster.getMetadata().getAnnotations() != null
                && "true".equals(cluster.getMetadata().getAnnotations().get(Names.UPGRADE_ANYWAY));
    }

    private static StorageCluster withStatus(StorageCluster of, StorageClusterStatus status) {
        StorageCluster fresh = new StorageCluster();
        fresh.setMetadata(new ObjectMetaBuilder()
                .withName(of.getMetadata().getName())
                .withUid(of.getMetadata().getUid())
                .build());
        fresh.setStatus(status);
        return fresh;
    }

    private StorageCluster beginning(StorageCluster cluster, Identity identity) {
        return withStatus(
                cluster,
                new StorageClusterStatus(
                        StorageClusterStatus.Phase.INSTALLING,
                        identity.clusterId(),
                        null,
                        0,
                        0,
                        0,
                        null,
                        cluster.getMetadata().getGeneration(),
                        null));
    }

    /** One by another name: the definition refuses it, and this one is from before that rule. */
    private StorageCluster refused(StorageCluster cluster) {
        Conditions conditions = new Conditions(null, cluster.getMetadata().getGeneration(), clock.instant());
        conditions.set(
                "Available",
                false,
                "NotTheOne",
                "there is one StorageCluster, named '" + Names.CLUSTER + "', and this one does nothing: delete it");
        return withStatus(
                cluster,
                new StorageClusterStatus(
                        null,
                        null,
                        null,
                        null,
                        null,
                        null,
                        null,
                        cluster.getMetadata().getGeneration(),
                        conditions.list()));
    }

    /** As it was told last, but degraded: this round changed nothing, for a reason that somebody has to know. */
    private StorageCluster stopped(StorageCluster cluster, String reason, String why) {
        StorageClusterStatus before = cluster.getStatus();
        Conditions conditions = new Conditions(
                before == null ? null : before.conditions(),
                cluster.getMetadata().getGeneration(),
                clock.instant());
        conditions.set("Degraded", true, reason, why);
        conditions.keepOthers();
        conditions.turns().forEach(turn -> tell(cluster, turn));
        return withStatus(
                cluster,
                new StorageClusterStatus(
                        StorageClusterStatus.Phase.DEGRADED,
                        before == null ? null : before.clusterId(),
                        before == null ? null : before.version(),
                        before == null ? null : before.readyNodes(),
                        before == null ? null : before.readyDisks(),
                        before == null ? null : before.volumes(),
                        before == null ? null : before.capacity(),
                        cluster.getMetadata().getGeneration(),
                        conditions.list()));
    }

    @Override
    public ErrorStatusUpdateControl<StorageCluster> updateErrorStatus(
            StorageCluster cluster, Context<StorageCluster> context, Exception e) {
        LOG.warn("round failed, another follows: {}", e.toString());
        int failures = context.getRetryInfo().map(RetryInfo::getAttemptCount).orElse(0);
        return failures < WORTH_TELLING
                ? ErrorStatusUpdateControl.noStatusUpdate()
                : ErrorStatusUpdateControl.patchStatus(
                        stopped(cluster, "OperatorFails", "the operator tries again and again: " + e.getMessage()));
    }
}
