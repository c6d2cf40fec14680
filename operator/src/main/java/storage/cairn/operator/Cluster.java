package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.authorization.v1.ResourceAttributesBuilder;
import io.fabric8.kubernetes.api.model.authorization.v1.SubjectAccessReview;
import io.fabric8.kubernetes.api.model.authorization.v1.SubjectAccessReviewBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolStatus;

/** What the operator writes to the API server, and the few things that it reads there once in a while. */
final class Cluster {
    private static final int SECRET_BYTES = 32;
    private static final long AGAIN_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final int UNPROCESSABLE = 422;
    private static final String CLUSTER_ID = "clusterId";

    /** The same request again gets the same answer, so that the rest need not wait for it. */
    private static final Set<Integer> REFUSALS = Set.of(
            HttpURLConnection.HTTP_BAD_REQUEST,
            HttpURLConnection.HTTP_FORBIDDEN,
            HttpURLConnection.HTTP_CONFLICT,
            UNPROCESSABLE);

    private final KubernetesClient client;
    private final Settings settings;
    private final SecureRandom random = new SecureRandom();
    /** What was made so last, by kind and name. */
    private final Map<String, Made> made = new ConcurrentHashMap<>();

    private volatile Made asked = new Made(List.of(), null, System.nanoTime() - AGAIN_NANOS);
    private volatile List<String> missing = List.of();
    private volatile Made pruned = new Made(Set.of(), null, System.nanoTime() - AGAIN_NANOS);

    /**
     * @param wanted what was asked for
     * @param version that the API server gave it
     */
    private record Made(Object wanted, @Nullable String version, long nanos) {
        boolean isLately() {
            return System.nanoTime() - nanos < AGAIN_NANOS;
        }
    }

    /** The resources that are followed, as they are known. */
    interface Followed {
        /** Whether it is as this version has it, or of a kind that is not followed. */
        boolean isStill(HasMetadata wanted, @Nullable String version);
    }

    Cluster(KubernetesClient client, Settings settings) {
        this.client = client;
        this.settings = settings;
    }

    /** Who this cluster is; null when that is not written down. */
    @Nullable
    Identity identity() {
        Secret found = client.secrets()
                .inNamespace(settings.namespace())
                .withName(Names.IDENTITY)
                .get();
        return found == null ? null : read(found);
    }

    /**
     * Makes up who this cluster is.
     *
     * @param clusterId null: any
     */
    Identity makeIdentity(@Nullable String clusterId) {
        byte[] secret = new byte[SECRET_BYTES];
        random.nextBytes(secret);
        return read(client.resource(secret(
                        clusterId == null ? UUID.randomUUID().toString() : clusterId,
                        HexFormat.of().formatHex(secret)))
                .create());
    }

    private static Identity read(Secret secret) {
        return new Identity(value(secret, CLUSTER_ID), value(secret, EngineFiles.SECRET_KEY));
    }

    private Secret secret(String clusterId, String secret) {
        return new SecretBuilder()
                .withNewMetadata()
                .withName(Names.IDENTITY)
                .withNamespace(settings.namespace())
                .withLabels(Map.of("app.kubernetes.io/part-of", "cairn"))
                .endMetadata()
                .withImmutable(true)
                .withStringData(Map.of(CLUSTER_ID, clusterId, EngineFiles.SECRET_KEY, secret))
                .build();
    }

    private static String value(Secret secret, String key) {
        String value = secret.getData() == null ? null : secret.getData().get(key);
        if (value == null) {
            throw new IllegalStateException("secret " + Names.IDENTITY + " has no " + key
                    + ": restore it from a backup; engines know their disks and each other by it");
        }
        return new String(Base64.getDecoder().decode(value), StandardCharsets.UTF_8);
    }

    /** Numbers of nodes that were ever given. */
    Map<String, Integer> numbers() {
        ConfigMap found = client.configMaps()
                .inNamespace(settings.namespace())
                .withName(Names.NUMBERS)
                .get();
        Map<String, Integer> numbers = new TreeMap<>();
        if (found != null && found.getData() != null) {
            found.getData().forEach((name, number) -> numbers.put(name, Integer.valueOf(number)));
        }
        return numbers;
    }

    boolean definesServiceMonitors() {
        return client.getApiResources(Surroundings.MONITORING) != null;
    }

    /**
     * Makes it so, unless that was done less than a minute ago and nobody is known to have changed it since. Says why
     * the API server will not have it so; empty when it has.
     */
    String apply(HasMetadata wanted, Followed followed) {
        Made before = made.get(key(wanted));
        boolean is = before != null
                && before.isLately()
                && before.wanted().equals(wanted)
                && followed.isStill(wanted, before.version());
        return is ? "" : apply(wanted);
    }

    /** Makes it so, whoever changed it. Says why the API server will not have it so; empty when it has. */
    String apply(HasMetadata wanted) {
        try {
            made.remove(key(wanted));
            HasMetadata now = client.resource(wanted)
                    .fieldManager(Names.FIELD_MANAGER)
                    .forceConflicts()
                    .serverSideApply();
            made.put(key(wanted), new Made(wanted, now.getMetadata().getResourceVersion(), System.nanoTime()));
            return "";
        } catch (KubernetesClientException e) {
            if (!REFUSALS.contains(e.getCode())) {
                throw e;
            }
            String why = e.getStatus() == null ? e.getMessage() : e.getStatus().getMessage();
            return wanted.getKind() + " " + wanted.getMetadata().getName() + " cannot be made as it should be: " + why
                    + ". Correct the StorageCluster, or delete that " + wanted.getKind()
                    + " if somebody else made it: it is then made anew";
        }
    }

    /** Makes it unless it is there: from then on it is people's. */
    void create(HasMetadata wanted) {
        if (client.resource(wanted).get() == null) {
            client.resource(wanted).create();
        }
    }

    /** Removes what the operator made and no longer wants; what somebody made by its label, within a minute. */
    void prune(List<HasMetadata> wanted) {
        Set<String> names = new HashSet<>();
        wanted.forEach(each -> names.add(key(each)));
        if (pruned.isLately() && pruned.wanted().equals(names)) {
            return;
        }
        List<PodDisruptionBudget> budgets = client.policy()
                .v1()
                .podDisruptionBudget()
                .inNamespace(settings.namespace())
                .withLabelSelector(Names.MANAGED)
                .list()
                .getItems();
        List<Deployment> deployments = client.apps()
                .deployments()
                .inNamespace(settings.namespace())
                .withLabelSelector(Names.MANAGED)
                .list()
                .getItems();
        List<StorageClass> classes = client.storage()
                .v1()
                .storageClasses()
                .withLabelSelector(Names.MANAGED)
                .list()
                .getItems();
        budgets.forEach(each -> deleteUnless(names, each));
        deployments.forEach(each -> deleteUnless(names, each));
        classes.forEach(each -> deleteUnless(names, each));
        if (definesServiceMonitors()) {
            client.genericKubernetesResources(Surroundings.MONITORING, Surroundings.SERVICE_MONITOR)
                    .inNamespace(settings.namespace())
                    .withLabelSelector(Names.MANAGED)
                    .list()
                    .getItems()
                    .forEach(each -> deleteUnless(names, each));
        }
        made.keySet().removeIf(each -> !names.contains(each));
        pruned = new Made(names, null, System.nanoTime());
    }

    private void deleteUnless(Set<String> names, HasMetadata found) {
        if (!names.contains(key(found))) {
            client.resource(found).delete();
        }
    }

    private static String key(HasMetadata resource) {
        return resource.getKind() + "/" + resource.getMetadata().getName();
    }

    /** What is wrong for lack of one of these rights; asked at most once a minute. */
    List<String> missing(List<Right> rights) {
        if (asked.isLately() && asked.wanted().equals(rights)) {
            return missing;
        }
        List<String> found = new ArrayList<>();
        for (Right right : rights) {
            try {
                if (!has(right)) {
                    found.add(right.missing());
                }
            } catch (KubernetesClientException e) {
                if (!REFUSALS.contains(e.getCode())) {
                    throw e;
                }
                found.add("nobody knows whether the service accounts have their rights: the operator may not ask ("
                        + e.getMessage() + "); 'helm upgrade' with the chart makes its role again");
                break;
            }
        }
        missing = List.copyOf(found);
        asked = new Made(rights, null, System.nanoTime());
        return missing;
    }

    private boolean has(Right right) {
        String accounts = "system:serviceaccounts";
        int slash = right.resource().indexOf('/');
        ResourceAttributesBuilder what = new ResourceAttributesBuilder()
                .withVerb(right.verb())
                .withGroup(right.group())
                .withResource(slash < 0 ? right.resource() : right.resource().substring(0, slash))
                .withSubresource(slash < 0 ? null : right.resource().substring(slash + 1))
                .withNamespace(right.everywhere() ? null : settings.namespace());
        SubjectAccessReview review = client.authorization()
                .v1()
                .subjectAccessReview()
                .create(new SubjectAccessReviewBuilder()
                        .withNewSpec()
                        .withUser("system:serviceaccount:" + settings.namespace() + ":" + right.account())
                        .withGroups(accounts, accounts + ":" + settings.namespace(), "system:authenticated")
                        .withResourceAttributes(what.build())
                        .endSpec()
                        .build());
        return Boolean.TRUE.equals(review.getStatus().getAllowed());
    }

    /** Puts a disk into a pool. Says why the API server will not have it so; empty when it has. */
    String admit(String disk, String pool) {
        Disk wanted = new Disk();
        wanted.setMetadata(new ObjectMetaBuilder().withName(disk).build());
        wanted.setSpec(new DiskSpec(pool, null));
        return apply(wanted);
    }

    void status(StoragePool pool, StoragePoolStatus status) {
        if (status.equals(pool.getStatus())) {
            return;
        }
        StoragePool wanted = new StoragePool();
        wanted.setMetadata(
                new ObjectMetaBuilder().withName(pool.getMetadata().getName()).build());
        wanted.setStatus(status);
        client.resource(wanted)
                .subresource("status")
                .patch(
                        new PatchContext.Builder()
                                .withPatchType(PatchType.SERVER_SIDE_APPLY)
                                .withFieldManager(Names.FIELD_MANAGER)
                                .withForce(true)
                                .build(),
                        wanted);
    }

    /** Deletes this very pod, and no namesake. */
    void restart(Pod pod) {
        try {
            client.resource(pod).withGracePeriod(-1).delete();
        } catch (KubernetesClientException e) {
            if (e.getCode() != HttpURLConnection.HTTP_NOT_FOUND) {
                throw e;
            }
        }
    }

    void event(HasMetadata about, boolean warning, String reason, @Nullable String message) {
        client.resource(event(
                        about,
                        warning,
                        reason,
                        message,
                        new ObjectMetaBuilder()
                                .withGenerateName(about.getMetadata().getName() + ".")))
                .create();
    }

    /** An event that is told once of a resource, whoever else tells it. */
    void onceEvent(HasMetadata about, String reason, String message) {
        String name = about.getMetadata().getName() + "." + about.getMetadata().getUid() + "."
                + reason.toLowerCase(Locale.ROOT);
        try {
            client.resource(event(about, false, reason, message, new ObjectMetaBuilder().withName(name)))
                    .create();
        } catch (KubernetesClientException e) {
            if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
                throw e;
            }
        }
    }

    private static Event event(
            HasMetadata about, boolean warning, String reason, @Nullable String message, ObjectMetaBuilder metadata) {
        String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        return new EventBuilder()
                .withMetadata(metadata.withNamespace("default").build())
                .withNewInvolvedObject()
                .withApiVersion(about.getApiVersion())
                .withKind(about.getKind())
                .withName(about.getMetadata().getName())
                .withUid(about.getMetadata().getUid())
                .endInvolvedObject()
                .withReason(reason)
                .withMessage(message)
                .withType(warning ? "Warning" : "Normal")
                .withFirstTimestamp(now)
                .withLastTimestamp(now)
                .withCount(1)
                .withNewSource()
                .withComponent(Names.FIELD_MANAGER)
                .endSource()
                .build();
    }
}
