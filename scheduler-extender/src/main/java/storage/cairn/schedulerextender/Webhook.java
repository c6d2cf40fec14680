package storage.cairn.schedulerextender;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Base64;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.schedulerextender.Wire.BadRequest;

/**
 * Answers the API server about new pods: an AdmissionReview of admission.k8s.io/v1 in and out. It refuses no pod.
 *
 * <pre>
 * {"request": {"uid": "...", "namespace": "...", "object": {pod}}}
 *   -> {"response": {"uid": "...", "allowed": true, "patchType": "JSONPatch", "patch": base64}}
 * </pre>
 */
final class Webhook {
    private static final Logger LOG = LogManager.getLogger(Webhook.class);

    private final Routing routing;
    private final Routing.Mode mode;
    private final BooleanSupplier serving;
    private final Supplier<@Nullable Snapshot> snapshots;
    private final Figures figures;

    Webhook(
            Routing routing,
            Routing.Mode mode,
            BooleanSupplier serving,
            Supplier<@Nullable Snapshot> snapshots,
            Figures figures) {
        this.routing = routing;
        this.mode = mode;
        this.serving = serving;
        this.snapshots = snapshots;
        this.figures = figures;
    }

    byte[] review(byte[] body) throws BadRequest {
        JsonNode request = Wire.tree(body).path("request");
        if (!request.isObject() || !request.path("object").isObject()) {
            throw new BadRequest("the AdmissionReview has no request with an object");
        }
        JsonNode pod = request.path("object");
        Routing.Outcome outcome =
                routing.decide(pod, request.path("namespace").asText(), mode, serving.getAsBoolean(), snapshots.get());
        figures.admitted(outcome);
        LOG.debug(
                "pod={}/{} {}",
                request.path("namespace").asText(),
                pod.path("metadata").path("name").asText(),
                outcome);
        ObjectNode review = JsonNodeFactory.instance.objectNode();
        review.put("apiVersion", "admission.k8s.io/v1").put("kind", "AdmissionReview");
        ObjectNode response = review.putObject("response");
        response.put("uid", request.path("uid").asText()).put("allowed", true);
        if (outcome instanceof Routing.Outcome.Changed changed) {
            response.put("patchType", "JSONPatch")
                    .put("patch", Base64.getEncoder().encodeToString(Wire.bytes(changed.patch())));
        }
        return Wire.bytes(review);
    }
}
