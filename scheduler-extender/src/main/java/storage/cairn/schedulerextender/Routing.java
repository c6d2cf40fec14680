package storage.cairn.schedulerextender;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.schedulerextender.Snapshot.Data;

/** Decides which new pods go to our scheduler, or get an affinity to their data where it is not used. */
final class Routing {
    static final String SCHEDULER = "cairn-scheduler";

    private static final String DEFAULT_SCHEDULER = "default-scheduler";
    private static final int MAX_WEIGHT = 100;

    private final Claims.Objects objects;

    /** How pods are brought to their data. */
    enum Mode {
        /** By our scheduler. */
        scheduler,
        /** By a preferred affinity, on clusters that want no second scheduler. */
        affinity
    }

    /** What becomes of a pod. */
    sealed interface Outcome {
        /** It stays as it is. */
        record Left(String why) implements Outcome {}

        /** Operations of RFC 6902 on it. */
        record Changed(ArrayNode patch) implements Outcome {}
    }

    Routing(Claims.Objects objects) {
        this.objects = objects;
    }

    /**
     * @param namespace of the pod, which itself may name none yet
     * @param serving whether some process leads our scheduler now: without one the pod would wait for ever
     */
    Outcome decide(JsonNode pod, String namespace, Mode mode, boolean serving, @Nullable Snapshot snapshot) {
        JsonNode spec = pod.path("spec");
        String named = spec.path("schedulerName").asText(DEFAULT_SCHEDULER);
        if (!named.isEmpty() && !named.equals(DEFAULT_SCHEDULER)) {
            return new Outcome.Left("it names the scheduler " + named);
        }
        if (!spec.path("nodeName").asText().isEmpty()) {
            return new Outcome.Left("it has a node");
        }
        PodVolumes of = Wire.pod(pod);
        PodVolumes volumes = new PodVolumes(namespace, of.name(), of.uid(), of.uses());
        if (volumes.uses().stream().noneMatch(use -> isOurs(namespace, use))) {
            return new Outcome.Left("it uses no volume of ours");
        }
        return switch (mode) {
            case scheduler -> serving ? route() : new Outcome.Left("the scheduler " + SCHEDULER + " does not serve");
            case affinity -> snapshot == null ? new Outcome.Left("not all is read yet") : near(spec, volumes, snapshot);
        };
    }

    private static Outcome route() {
        ArrayNode patch = JsonNodeFactory.instance.arrayNode();
        patch.addObject().put("op", "add").put("path", "/spec/schedulerName").put("value", SCHEDULER);
        return new Outcome.Changed(patch);
    }

    private boolean isOurs(String namespace, PodVolumes.Use use) {
        PersistentVolumeClaim claim = objects.claim(namespace, use.claim());
        if (claim == null) {
            return provisions(use.templateClass());
        }
        String name = claim.getSpec().getVolumeName();
        PersistentVolume volume = name == null || name.isEmpty() ? null : objects.volume(name);
        return volume == null ? provisions(Claims.className(claim)) : Claims.handle(volume) != null;
    }

    private boolean provisions(String storageClass) {
        StorageClass found = objects.storageClass(storageClass);
        return found != null && Api.DRIVER.equals(found.getProvisioner());
    }

    /** Prefers the nodes that have all of a volume; by its share of the bytes of all that are bound. */
    private Outcome near(JsonNode spec, PodVolumes volumes, Snapshot snapshot) {
        List<Data> bound = new ArrayList<>();
        for (Claim claim : new Claims(objects).of(volumes)) {
            Data data = claim instanceof Claim.Bound each ? snapshot.volume(each.volume()) : null;
            if (data != null && data.locality() != Locality.NONE) {
                bound.add(data);
            }
        }
        double bytes = bound.stream().mapToLong(Data::bytes).sum();
        Map<String, Long> local = new TreeMap<>();
        for (Data data : bound) {
            snapshot.nodesOf(data).forEach(node -> local.merge(node, data.bytes(), Long::sum));
        }
        ArrayNode terms = JsonNodeFactory.instance.arrayNode();
        local.forEach((node, share) -> {
            ObjectNode term = terms.addObject();
            term.put("weight", Math.clamp(Math.round(MAX_WEIGHT * share / bytes), 1, MAX_WEIGHT));
            // By its name, not by a label that may say something else.
            ObjectNode field =
                    term.putObject("preference").putArray("matchFields").addObject();
            field.put("key", "metadata.name")
                    .put("operator", "In")
                    .putArray("values")
                    .add(node);
        });
        if (terms.isEmpty()) {
            return new Outcome.Left("no volume of it has data yet");
        }
        return new Outcome.Changed(affinity(spec, terms));
    }

    /** JSON patches add no parents: so each that lacks is added by itself, and each term to what is there. */
    private static ArrayNode affinity(JsonNode spec, ArrayNode terms) {
        String preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        JsonNode affinity = spec.path("affinity");
        ArrayNode patch = JsonNodeFactory.instance.arrayNode();
        String path = "/spec/affinity";
        if (!affinity.isObject()) {
            patch.addObject().put("op", "add").put("path", path).putObject("value");
        }
        path += "/nodeAffinity";
        if (!affinity.path("nodeAffinity").isObject()) {
            patch.addObject().put("op", "add").put("path", path).putObject("value");
        }
        path += "/" + preferred;
        if (!affinity.path("nodeAffinity").path(preferred).isArray()) {
            patch.addObject().put("op", "add").put("path", path).putArray("value");
        }
        for (JsonNode term : terms) {
            patch.addObject().put("op", "add").put("path", path + "/-").set("value", term);
        }
        return patch;
    }
}
