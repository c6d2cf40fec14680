package storage.cairn.replicamanager;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.io.IOException;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.register.NameClaims;
import storage.cairn.api.register.NameClaims.Claim;
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.register.Reply;
import storage.cairn.api.register.Requests;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.replicamanager.Cluster.VolumeState;

/** Carries actions out on the API server. What was not answered is decided anew at the next sweep. */
final class Executor implements Requests {
    private static final Logger LOG = LogManager.getLogger(Executor.class);
    private static final String ROOT = "/apis/" + Api.GROUP + "/" + Api.VERSION + "/";
    private static final long TIMEOUT_MILLIS = 5_000;
    private static final String MERGE = "application/merge-patch+json";
    private static final JsonMapper JSON = new JsonMapper();

    private final KubernetesClient client;
    /** Whether the API server left a request without an answer since {@link #begin}. */
    private volatile boolean silent;

    private final NameClaims names = new NameClaims(this);

    Executor(KubernetesClient client) {
        this.client = client;
    }

    /** A sweep begins. */
    void begin() {
        silent = false;
    }

    boolean isSilent() {
        return silent;
    }

    /** Does it; answers why it was not done, empty when it was. */
    String execute(VolumeState volume, Action action) {
        LOG.info("volume={} {}", volume.name(), action);
        try {
            return switch (action) {
                case Action.Record recorded -> recordFirst(volume, recorded.first());
                case Action.Want want ->
                    problem(annotate(
                            MembershipObjects.path(volume.spec().id()), Api.PLACEMENT, String.join(",", want.disks())));
                case Action.Grow grow ->
                    problem(annotate(
                            MembershipObjects.path(volume.spec().id()), Api.SIZE, Long.toString(grow.sizeBytes())));
                case Action.DeleteAfter after ->
                    problem(annotate(
                            path(volume),
                            Informed.DELETE_AFTER,
                            after.instant() == null ? null : after.instant().toString()));
                case Action.Bury bury -> bury(volume, bury.before());
                case Action.Recover recover -> recover(volume, recover.before(), recover.next());
                case Action.Protect protect -> replace(volume, protect.before(), protect.next());
                case Action.Hold ignored -> problem(finalizers(volume, true));
                case Action.LetGo ignored -> letGo(volume);
            };
        } catch (NoReplyException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private static String path(VolumeState volume) {
        return ROOT + "volumes/" + volume.name();
    }

    private static String problem(Reply reply) {
        return reply.ok() ? "" : reply.message();
    }

    private String recordFirst(VolumeState volume, VolumeMembershipSpec first) throws NoReplyException {
        return switch (names.claim(volume.name(), UUID.fromString(volume.spec().id()))) {
            case Claim.Taken ignored -> "another volume that is not deleted has the name " + volume.name();
            case Claim.Refused refused -> refused.reason();
            case Claim.Held ignored -> {
                Reply made = create(
                        MembershipObjects.PATH,
                        MembershipObjects.object(volume.spec().id(), first));
                // Somebody recorded it meanwhile: the next sweep sees what.
                yield made.conflict() ? "" : problem(made);
            }
        };
    }

    private String bury(VolumeState volume, VolumeMembershipSpec before) throws NoReplyException {
        return replace(volume, before, MembershipObjects.tombstone(before));
    }

    private String recover(VolumeState volume, VolumeMembershipSpec before, VolumeMembershipSpec next)
            throws NoReplyException {
        String problem = replace(volume, before, next);
        return problem.isEmpty() ? problem(annotate(path(volume), Api.RECOVER, null)) : problem;
    }

    private String replace(VolumeState volume, VolumeMembershipSpec before, VolumeMembershipSpec next)
            throws NoReplyException {
        return problem(patch(
                MembershipObjects.path(volume.spec().id()),
                MembershipObjects.replaceIf(
                        "/spec/changeId", before.changeId(), "/spec", MembershipObjects.spec(next))));
    }

    private String letGo(VolumeState volume) throws NoReplyException {
        if (volume.hasFinalizer()) {
            String problem = problem(finalizers(volume, false));
            if (!problem.isEmpty()) {
                return problem;
            }
        }
        if (!volume.leaving()) {
            Reply gone = send("DELETE", path(volume), "application/json", JsonNodeFactory.instance.objectNode());
            return gone.objectMissing() ? "" : problem(gone);
        }
        return "";
    }

    private Reply finalizers(VolumeState volume, boolean held) throws NoReplyException {
        ObjectNode patch = JsonNodeFactory.instance.objectNode();
        Reply now = get(path(volume));
        if (!now.ok()) {
            return now;
        }
        ObjectNode metadata = patch.putObject("metadata");
        metadata.set("resourceVersion", now.body().path("metadata").path("resourceVersion"));
        var finalizers = metadata.putArray("finalizers");
        for (JsonNode each : now.body().path("metadata").path("finalizers")) {
            if (!each.asText().equals(VolumePlan.FINALIZER)) {
                finalizers.add(each);
            }
        }
        if (held) {
            finalizers.add(VolumePlan.FINALIZER);
        }
        return send("PATCH", path(volume), MERGE, patch);
    }

    private Reply annotate(String path, String key, @Nullable String value) throws NoReplyException {
        ObjectNode patch = JsonNodeFactory.instance.objectNode();
        patch.putObject("metadata").putObject("annotations").put(key, value);
        return send("PATCH", path, MERGE, patch);
    }

    /** Puts fields into an object's status. */
    String status(String plural, String name, JsonNode status) {
        return status(plural, name, status, null);
    }

    /** Puts fields into an object's status that depend on others of it; only while it is this version. */
    String status(String plural, String name, JsonNode status, @Nullable String version) {
        ObjectNode patch = JsonNodeFactory.instance.objectNode();
        patch.set("status", status);
        if (version != null) {
            patch.putObject("metadata").put("resourceVersion", version);
        }
        try {
            return problem(send("PATCH", ROOT + plural + "/" + name + "/status", MERGE, patch));
        } catch (NoReplyException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Makes an Event; one that is there already stays as it is. */
    String tell(ObjectNode event) {
        try {
            Reply made = create(
                    "/api/v1/namespaces/" + event.at("/metadata/namespace").asText() + "/events", event);
            return made.conflict() ? "" : problem(made);
        } catch (NoReplyException e) {
            return String.valueOf(e.getMessage());
        }
    }

    @Override
    public Reply get(String path) throws NoReplyException {
        return send("GET", path, "application/json", null);
    }

    @Override
    public Reply create(String path, JsonNode object) throws NoReplyException {
        return send("POST", path, "application/json", object);
    }

    @Override
    public Reply patch(String path, JsonNode operations) throws NoReplyException {
        return send("PATCH", path, "application/json-patch+json", operations);
    }

    private Reply send(String method, String path, String type, @Nullable JsonNode body) throws NoReplyException {
        HttpClient http = client.getHttpClient();
        HttpRequest.Builder request = http.newHttpRequestBuilder()
                .uri(client.getMasterUrl().toString().replaceAll("/$", "") + path)
                .timeout(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
        request = body == null ? request : request.method(method, type, body.toString());
        try {
            HttpResponse<byte[]> response =
                    http.sendAsync(request.build(), byte[].class).get(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
            return new Reply(response.code(), JSON.readTree(response.body()));
        } catch (ExecutionException | TimeoutException | IOException e) {
            silent = true;
            throw new NoReplyException("no answer from the API server: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NoReplyException("interrupted");
        }
    }
}
