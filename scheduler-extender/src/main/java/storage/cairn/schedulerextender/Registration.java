package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfiguration;
import io.fabric8.kubernetes.api.model.admissionregistration.v1.MutatingWebhookConfigurationBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageCluster;

/**
 * Makes the API server ask the webhook: keeps certificates in a Secret that all processes share, and the
 * MutatingWebhookConfiguration that believes them. Looks at both each minute, in a thread of its own.
 *
 * <pre>
 * Secret cairn-scheduler-webhook: for each certificate, named by the second it was made in,
 *   SECONDS.crt  in DER
 *   SECONDS.key  in PKCS #8
 * </pre>
 */
final class Registration implements AutoCloseable {
    static final String SECRET = "cairn-scheduler-webhook";
    static final String CONFIGURATION = "cairn-scheduler";

    /** On a namespace: "disabled" keeps its pods with the scheduler that they have. */
    static final String OPT_OUT = Api.GROUP + "/scheduler";

    private static final String CERTIFICATE = ".crt";
    private static final String KEY = ".key";
    private static final int PORT = 443;
    private static final int CONFLICT = 409;
    private static final Logger LOG = LogManager.getLogger(Registration.class);

    private final KubernetesClient client;
    private final String url;
    private final Consumer<SSLContext> served;
    private final Thread thread =
            Thread.ofPlatform().name("certificates").daemon().unstarted(this::run);
    private @Nullable Instant servedMade;

    /**
     * @param url where the API server reaches the webhook; empty: by the Service {@code cairn-scheduler}
     * @param served told what the webhook is to present from now on
     */
    Registration(KubernetesClient client, String url, Consumer<SSLContext> served) {
        this.client = client;
        this.url = url;
        this.served = served;
    }

    void start() {
        thread.start();
    }

    private void run() {
        try {
            while (true) {
                long pause = 60;
                try {
                    renew(Instant.now());
                } catch (KubernetesClientException | GeneralSecurityException | IOException e) {
                    LOG.warn("the webhook could not be registered, and is tried again: {}", e.toString());
                    pause = 2;
                }
                TimeUnit.SECONDS.sleep(pause);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void renew(Instant now) throws GeneralSecurityException, IOException {
        List<Certificates.Issued> all = stored(now);
        Certificates.Issued newest = Certificates.served(all, now);
        if (newest == null) {
            return;
        }
        if (!newest.made().equals(servedMade)) {
            served.accept(Certificates.context(newest));
            servedMade = newest.made();
        }
        MutatingWebhookConfiguration wanted = configuration(Certificates.bundle(all, now));
        var resource = client.admissionRegistration().v1().mutatingWebhookConfigurations();
        MutatingWebhookConfiguration found = resource.withName(CONFIGURATION).get();
        if (found == null) {
            resource.resource(wanted).create();
        } else if (!wanted.getWebhooks().equals(found.getWebhooks())) {
            wanted.getMetadata().setResourceVersion(found.getMetadata().getResourceVersion());
            resource.resource(wanted).update();
        }
    }

    /** All certificates; one more when it is time. Of several processes one makes it, the others find it there. */
    private List<Certificates.Issued> stored(Instant now) throws GeneralSecurityException {
        var secrets = client.secrets().inNamespace(Api.NAMESPACE);
        Secret found = secrets.withName(SECRET).get();
        List<Certificates.Issued> all = new ArrayList<>(Certificates.valid(read(found), now));
        if (!Certificates.isDue(all, now)) {
            return all;
        }
        all.add(Certificates.issue(
                List.of("cairn-scheduler." + Api.NAMESPACE + ".svc", "cairn-scheduler", "localhost"), now));
        Secret wanted = write(all);
        try {
            if (found == null) {
                secrets.resource(wanted).create();
            } else {
                wanted.getMetadata().setResourceVersion(found.getMetadata().getResourceVersion());
                secrets.resource(wanted).update();
            }
            return all;
        } catch (KubernetesClientException e) {
            if (e.getCode() != CONFLICT) {
                throw e;
            }
            return Certificates.valid(read(secrets.withName(SECRET).get()), now);
        }
    }

    private static List<Certificates.Issued> read(@Nullable Secret secret) {
        List<Certificates.Issued> all = new ArrayList<>();
        Map<String, String> data = secret == null || secret.getData() == null ? Map.of() : secret.getData();
        data.forEach((name, certificate) -> {
            String key = name.endsWith(CERTIFICATE) ? data.get(name.replace(CERTIFICATE, KEY)) : null;
            if (key != null && name.matches("[0-9]{1,12}\\.crt")) {
                all.add(new Certificates.Issued(
                        Base64.getDecoder().decode(certificate),
                        Base64.getDecoder().decode(key),
                        Instant.ofEpochSecond(Long.parseLong(name.replace(CERTIFICATE, "")))));
            }
        });
        return all;
    }

    private static Secret write(List<Certificates.Issued> all) {
        Map<String, String> data = new TreeMap<>();
        for (Certificates.Issued each : all) {
            String name = Long.toString(each.made().getEpochSecond());
            data.put(name + CERTIFICATE, Base64.getEncoder().encodeToString(each.certificate()));
            data.put(name + KEY, Base64.getEncoder().encodeToString(each.key()));
        }
        return new SecretBuilder()
                .withNewMetadata()
                .withName(SECRET)
                .withNamespace(Api.NAMESPACE)
                .endMetadata()
                .withType("Opaque")
                .withData(data)
                .build();
    }

    /** Ours goes when the StorageCluster does: nobody would answer then. */
    private List<OwnerReference> owner() {
        StorageCluster cluster =
                client.resources(StorageCluster.class).withName(Api.CLUSTER).get();
        return cluster == null
                ? List.of()
                : List.of(new OwnerReferenceBuilder()
                        .withApiVersion(cluster.getApiVersion())
                        .withKind(cluster.getKind())
                        .withName(Api.CLUSTER)
                        .withUid(cluster.getMetadata().getUid())
                        .build());
    }

    private MutatingWebhookConfiguration configuration(String bundle) {
        var hook = new MutatingWebhookConfigurationBuilder()
                .withNewMetadata()
                .withName(CONFIGURATION)
                .withLabels(Map.of("app.kubernetes.io/part-of", "cairn"))
                .withOwnerReferences(owner())
                .endMetadata()
                .addNewWebhook()
                .withName("pods.scheduler.cairn.storage")
                .withAdmissionReviewVersions("v1")
                .withSideEffects("None")
                .withFailurePolicy("Ignore")
                .withMatchPolicy("Equivalent")
                .withReinvocationPolicy("Never")
                .withTimeoutSeconds(2)
                .withNewObjectSelector()
                .endObjectSelector()
                .withNewNamespaceSelector()
                .addNewMatchExpression()
                .withKey("kubernetes.io/metadata.name")
                .withOperator("NotIn")
                .withValues("kube-system", Api.NAMESPACE)
                .endMatchExpression()
                .addNewMatchExpression()
                .withKey(OPT_OUT)
                .withOperator("NotIn")
                .withValues("disabled")
                .endMatchExpression()
                .endNamespaceSelector()
                .addNewRule()
                .withApiGroups("")
                .withApiVersions("v1")
                .withOperations("CREATE")
                .withResources("pods")
                .withScope("Namespaced")
                .endRule()
                .addNewMatchCondition(
                        "has(object.spec.volumes) && object.spec.volumes.exists(v,"
                                + " has(v.persistentVolumeClaim) || has(v.ephemeral))",
                        "has-claims")
                .addNewMatchCondition(
                        "!has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(o,"
                                + " o.kind == 'DaemonSet')",
                        "no-daemon");
        if (url.isEmpty()) {
            hook.withNewClientConfig()
                    .withCaBundle(bundle)
                    .withNewService("cairn-scheduler", Api.NAMESPACE, "/pods", PORT)
                    .endClientConfig();
        } else {
            hook.withNewClientConfig().withCaBundle(bundle).withUrl(url).endClientConfig();
        }
        return hook.endWebhook().build();
    }

    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
