package storage.cairn.replicamanager.failover;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeAddress;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.api.model.TaintBuilder;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;

/** Failover's hands on a Kubernetes API server. */
final class KubernetesHands implements Hands {
    static final String NODE_LEASES = "kube-node-lease";

    private static final String WEBHOOK_LABEL = "app.kubernetes.io/name";
    private static final String WEBHOOK = "cairn-scheduler";
    private static final String NO_SCHEDULE = "NoSchedule";
    private static final long TIMEOUT_MILLIS = 3_000;
    private static final int KNOCK_MILLIS = 700;
    private static final int KUBELET_PORT = 10_250;
    private static final long OVERDUE_SECONDS = 30;
    private static final JsonMapper JSON = new JsonMapper();
    private static final int NEXT_CLASS = 300;
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final Logger LOG = LogManager.getLogger(KubernetesHands.class);

    private final KubernetesClient client;
    private final Supplier<List<VolumeMembership>> memberships;
    private final Observer observer;
    private final Executor events;

    /** Hears what was found out about a node. */
    interface Observer {
        /** Its Lease as the store has it. */
        void confirmed(String node, String beat);

        void answered(String node);
    }

    /**
     * @param memberships all that are known
     * @param events writes Events, one after the other: what is done next does not wait for them
     */
    KubernetesHands(
            KubernetesClient client, Supplier<List<VolumeMembership>> memberships, Observer observer, Executor events) {
        this.client = client;
        this.memberships = memberships;
        this.observer = observer;
        this.events = events;
    }

    /** What changes with each renewal of a Lease. */
    static String beat(Lease lease) {
        return lease.getSpec() == null || lease.getSpec().getRenewTime() == null
                ? ""
                : lease.getSpec().getRenewTime().toString();
    }

    private interface Call<T> {
        T run();
    }

    private static <T> T asked(String what, Call<T> call) throws Failed {
        try {
            return call.run();
        } catch (KubernetesClientException e) {
            throw new Failed(what + ": the API server answered " + e.getCode() + ": " + e.getMessage());
        }
    }

    @Override
    public void confirm(String node) throws Failed {
        Lease lease = asked(
                "the Lease of node " + node,
                () -> client.leases().inNamespace(NODE_LEASES).withName(node).get());
        if (answers(node)) {
            observer.answered(node);
        }
        observer.confirmed(node, lease == null ? "" : beat(lease));
    }

    /** Whether its machine answers at kubelet's port, be it with a refusal: a process that died has a machine that lives. */
    private boolean answers(String name) throws Failed {
        Node node = asked("node " + name, () -> client.nodes().withName(name).get());
        if (node == null || node.getStatus() == null || node.getStatus().getAddresses() == null) {
            return false;
        }
        for (NodeAddress address : node.getStatus().getAddresses()) {
            if ("InternalIP".equals(address.getType()) && answersAt(address.getAddress(), kubeletPort(node))) {
                return true;
            }
        }
        return false;
    }

    private static int kubeletPort(Node node) {
        var endpoints = node.getStatus().getDaemonEndpoints();
        var kubelet = endpoints == null ? null : endpoints.getKubeletEndpoint();
        Integer port = kubelet == null ? null : kubelet.getPort();
        return port == null || port == 0 ? KUBELET_PORT : port;
    }

    private static boolean answersAt(String address, int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), KNOCK_MILLIS);
            return true;
        } catch (ConnectException e) {
            // Refused, by the machine; that there is no way to it comes as another exception.
            return String.valueOf(e.getMessage()).contains("refused");
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public List<String> owned(int number) {
        List<String> owned = new ArrayList<>();
        for (VolumeMembership membership : memberships.get()) {
            if (isOwned(membership, number)) {
                owned.add(membership.getMetadata().getName());
            }
        }
        owned.sort(null);
        return owned;
    }

    private static boolean isOwned(VolumeMembership membership, int number) {
        VolumeMembershipSpec.Owner owner = membership.getSpec().owner();
        return owner != null && owner.node() == number && !membership.getSpec().deleted();
    }

    @Override
    public void fence(String volume, int number) throws Failed {
        var resource = client.resources(VolumeMembership.class).withName(volume);
        VolumeMembership now = asked("volume " + volume, resource::get);
        if (now == null || !isOwned(now, number)) {
            return;
        }
        VolumeMembershipSpec before = now.getSpec();
        String patch = MembershipObjects.replaceIf(
                        "/spec/changeId", before.changeId(), "/spec", MembershipObjects.spec(fenced(before)))
                .toString();
        asked("fencing of volume " + volume, () -> resource.patch(PatchContext.of(PatchType.JSON), patch));
    }

    /** The next epoch, with no owner and no export: whoever comes next takes over as from an owner that died. */
    static VolumeMembershipSpec fenced(VolumeMembershipSpec before) {
        return new VolumeMembershipSpec(
                before.name(),
                before.storeTerm(),
                before.epoch() + 1,
                UUID.randomUUID().toString(),
                null,
                before.inSync(),
                before.syncing(),
                before.outOfSync(),
                before.minInSync(),
                before.sizeBytes(),
                null,
                before.formatted(),
                before.deleted(),
                before.voided());
    }

    static boolean isOurs(Taint taint) {
        return Api.FAILED_TAINT.equals(taint.getKey());
    }

    @Override
    public void taint(String node) throws Failed {
        Node now = asked("node " + node, () -> client.nodes().withName(node).get());
        if (now == null) {
            return;
        }
        List<Taint> taints = new ArrayList<>(now.getSpec().getTaints());
        if (taints.stream().noneMatch(KubernetesHands::isOurs)) {
            taints.add(new TaintBuilder()
                    .withKey(Api.FAILED_TAINT)
                    .withValue(Long.toString(Instant.now().getEpochSecond()))
                    .withEffect(NO_SCHEDULE)
                    .build());
            var info = now.getStatus() == null ? null : now.getStatus().getNodeInfo();
            patch(now, taints, info == null ? "" : Objects.requireNonNullElse(info.getBootID(), ""));
        }
    }

    @Override
    public void untaint(String node) throws Failed {
        Node now = asked("node " + node, () -> client.nodes().withName(node).get());
        if (now != null && now.getSpec().getTaints().stream().anyMatch(KubernetesHands::isOurs)) {
            patch(
                    now,
                    now.getSpec().getTaints().stream()
                            .filter(taint -> !isOurs(taint))
                            .toList(),
                    null);
        }
    }

    /** All taints at once, unless the node was changed meanwhile: others have taints there too. */
    private void patch(Node node, List<Taint> taints, @Nullable String boot) throws Failed {
        ObjectNode patch = JsonNodeFactory.instance.objectNode();
        ObjectNode metadata = patch.putObject("metadata");
        metadata.put("resourceVersion", node.getMetadata().getResourceVersion());
        metadata.putObject("annotations").put(Api.FAILED_BOOT, boot);
        patch.putObject("spec").set("taints", JSON.valueToTree(taints));
        String name = node.getMetadata().getName();
        asked(
                "taints of node " + name,
                () -> client.nodes().withName(name).patch(PatchContext.of(PatchType.JSON_MERGE), patch.toString()));
    }

    @Override
    public void unready(String node) throws Failed {
        List<Pod> pods = asked(
                "our pods of node " + node,
                () -> client.pods()
                        .inNamespace(Api.NAMESPACE)
                        .withLabel(WEBHOOK_LABEL, WEBHOOK)
                        .withField("spec.nodeName", node)
                        .list()
                        .getItems());
        for (Pod pod : pods) {
            asked(
                    "status of pod " + pod.getMetadata().getName(),
                    () -> client.pods()
                            .inNamespace(Api.NAMESPACE)
                            .withName(pod.getMetadata().getName())
                            .subresource("status")
                            .patch(PatchContext.of(PatchType.STRATEGIC_MERGE), unready(pod)));
        }
    }

    private static String unready(Pod pod) {
        ObjectNode patch = JsonNodeFactory.instance.objectNode();
        patch.putObject("metadata").put("uid", pod.getMetadata().getUid());
        patch.putObject("status")
                .putArray("conditions")
                .addObject()
                .put("type", "Ready")
                .put("status", "False")
                .put("reason", "NodeFailed")
                .put(
                        "lastTransitionTime",
                        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        return patch.toString();
    }

    @Override
    public List<Victim> victims(String node) throws Failed {
        List<Pod> pods = asked(
                "pods of node " + node,
                () -> client.pods()
                        .inAnyNamespace()
                        .withField("spec.nodeName", node)
                        .list()
                        .getItems());
        List<Victim> victims = new ArrayList<>();
        for (Pod pod : pods) {
            Map<String, String> labels = pod.getMetadata().getLabels();
            boolean optedOut = labels != null && "disabled".equals(labels.get(Api.FAILOVER));
            if (!optedOut && !hasEnded(pod) && usesOurs(pod)) {
                victims.add(new Victim(
                        pod.getMetadata().getNamespace(),
                        pod.getMetadata().getName(),
                        pod.getMetadata().getUid(),
                        ending(pod)));
            }
        }
        return victims;
    }

    private static boolean hasEnded(Pod pod) {
        String phase = pod.getStatus() == null ? "" : pod.getStatus().getPhase();
        return "Succeeded".equals(phase) || "Failed".equals(phase);
    }

    private static Ending ending(Pod pod) {
        String until = pod.getMetadata().getDeletionTimestamp();
        if (until == null) {
            return Ending.NOT_ASKED;
        }
        return Instant.parse(until).plusSeconds(OVERDUE_SECONDS).isBefore(Instant.now())
                ? Ending.OVERDUE
                : Ending.UNDER_WAY;
    }

    private boolean usesOurs(Pod pod) throws Failed {
        String namespace = pod.getMetadata().getNamespace();
        for (var volume : pod.getSpec().getVolumes()) {
            String claim = volume.getPersistentVolumeClaim() != null
                    ? volume.getPersistentVolumeClaim().getClaimName()
                    : volume.getEphemeral() != null ? pod.getMetadata().getName() + "-" + volume.getName() : null;
            if (claim != null && isOurs(namespace, claim)) {
                return true;
            }
        }
        return false;
    }

    private boolean isOurs(String namespace, String name) throws Failed {
        PersistentVolumeClaim claim = asked(
                "claim " + namespace + "/" + name,
                () -> client.persistentVolumeClaims()
                        .inNamespace(namespace)
                        .withName(name)
                        .get());
        String bound = claim == null ? null : claim.getSpec().getVolumeName();
        if (bound == null || bound.isEmpty()) {
            return false;
        }
        PersistentVolume volume = asked(
                "volume " + bound,
                () -> client.persistentVolumes().withName(bound).get());
        return volume != null
                && volume.getSpec().getCsi() != null
                && Api.DRIVER.equals(volume.getSpec().getCsi().getDriver());
    }

    @Override
    public void delete(Victim pod, boolean force) throws Failed {
        ObjectNode options = JsonNodeFactory.instance.objectNode();
        options.put("apiVersion", "v1").put("kind", "DeleteOptions");
        options.putObject("preconditions").put("uid", pod.uid());
        if (force) {
            options.put("gracePeriodSeconds", 0);
        }
        String path = "/api/v1/namespaces/" + pod.namespace() + "/pods/" + pod.name();
        HttpClient http = client.getHttpClient();
        HttpRequest request = http.newHttpRequestBuilder()
                .uri(client.getMasterUrl().toString().replaceAll("/$", "") + path)
                .method("DELETE", "application/json", options.toString())
                .timeout(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
                .build();
        try {
            HttpResponse<byte[]> answer =
                    http.sendAsync(request, byte[].class).get(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
            // It is gone, or another pod of its name is there: either way it does not run on.
            if (answer.code() >= NEXT_CLASS && answer.code() != NOT_FOUND && answer.code() != CONFLICT) {
                throw new Failed("deletion of pod " + pod.namespace() + "/" + pod.name() + ": the API server answered "
                        + answer.code());
            }
        } catch (ExecutionException | TimeoutException e) {
            throw new Failed("deletion of pod " + pod.namespace() + "/" + pod.name() + ": " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Failed("interrupted");
        }
    }

    @Override
    public void tell(String node, String reason, String message, boolean warning) {
        String now = Instant.now().toString();
        try {
            events.execute(() -> write(node, reason, message, warning, now));
        } catch (RejectedExecutionException e) {
            LOG.warn("node={} an event was not written, too many wait: {} {}", node, reason, message);
        }
    }

    private void write(String node, String reason, String message, boolean warning, String now) {
        try {
            client.v1()
                    .events()
                    .inNamespace("default")
                    .resource(new EventBuilder()
                            .withNewMetadata()
                            .withGenerateName("cairn-failover-")
                            .withNamespace("default")
                            .endMetadata()
                            .withNewInvolvedObject()
                            .withApiVersion("v1")
                            .withKind("Node")
                            .withName(node)
                            .withUid(node)
                            .endInvolvedObject()
                            .withType(warning ? "Warning" : "Normal")
                            .withReason(reason)
                            .withMessage(message.length() > 1_000 ? message.substring(0, 1_000) : message)
                            .withNewSource()
                            .withComponent("cairn-failover")
                            .endSource()
                            .withFirstTimestamp(now)
                            .withLastTimestamp(now)
                            .withCount(1)
                            .build())
                    .create();
        } catch (KubernetesClientException e) {
            LOG.warn("node={} an event was not written: {}", node, e.getMessage());
        }
    }
}
