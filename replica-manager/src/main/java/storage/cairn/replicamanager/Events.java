package storage.cairn.replicamanager;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.Volume;

/**
 * Events about a volume, and about the claim that it was made for: one for each turn of a condition. Its name is made of
 * what turned and when, so that a turn that is told again, by another replica manager perhaps, gives no second one.
 */
final class Events {
    /** Of events about objects that are in no namespace. */
    static final String NAMESPACE = "default";

    private static final int MAX_MESSAGE = 1_000;

    private Events() {}

    /** Each turn of a condition of a Volume, told of it and of its claim. */
    static List<ObjectNode> of(Volume volume, List<Condition> before, List<Condition> after) {
        List<ObjectNode> events = new ArrayList<>();
        for (Condition turned : turned(before, after)) {
            events.add(event(volume, NAMESPACE, involved(volume, "Volume"), turned));
            claim(volume)
                    .ifPresent(claim ->
                            events.add(event(volume, claim.get("namespace").asText(), claim, turned)));
        }
        return events;
    }

    /** Each turn of a condition of a Disk. */
    static List<ObjectNode> of(Disk disk, List<Condition> before, List<Condition> after) {
        return turned(before, after).stream()
                .map(turned -> event(disk, NAMESPACE, involved(disk, "Disk"), turned))
                .toList();
    }

    private static List<Condition> turned(List<Condition> before, List<Condition> after) {
        List<Condition> all = new ArrayList<>();
        for (Condition now : after) {
            Condition then = before.stream()
                    .filter(each -> each.getType().equals(now.getType()))
                    .findFirst()
                    .orElse(null);
            boolean turned = then == null
                    ? !isGood(now) || now.getType().equals("Placed")
                    : !then.getStatus().equals(now.getStatus());
            if (turned) {
                all.add(now);
            }
        }
        return all;
    }

    private static ObjectNode involved(HasMetadata object, String kind) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("apiVersion", Api.GROUP + "/" + Api.VERSION)
                .put("kind", kind)
                .put("name", object.getMetadata().getName())
                .put("uid", object.getMetadata().getUid());
    }

    private static boolean isGood(Condition condition) {
        return condition.getType().equals("DeletionRefused")
                != condition.getStatus().equals("True");
    }

    /** The claim that the driver made it for: namespace/name/uid. */
    private static Optional<ObjectNode> claim(Volume volume) {
        Map<String, String> annotations = volume.getMetadata().getAnnotations();
        String text = annotations == null ? null : annotations.get(Api.CLAIM);
        String[] parts = text == null ? new String[0] : text.split("/", -1);
        return parts.length != 3
                ? Optional.empty()
                : Optional.of(JsonNodeFactory.instance
                        .objectNode()
                        .put("apiVersion", "v1")
                        .put("kind", "PersistentVolumeClaim")
                        .put("namespace", parts[0])
                        .put("name", parts[1])
                        .put("uid", parts[2]));
    }

    private static ObjectNode event(HasMetadata object, String namespace, ObjectNode involved, Condition turned) {
        ObjectMeta of = object.getMetadata();
        String since = turned.getLastTransitionTime();
        String key = involved.get("uid").asText() + turned.getType() + turned.getStatus() + since;
        ObjectNode event = JsonNodeFactory.instance.objectNode();
        event.put("apiVersion", "v1").put("kind", "Event");
        event.putObject("metadata")
                .put("name", of.getName() + "." + UUID.nameUUIDFromBytes(key.getBytes(StandardCharsets.UTF_8)))
                .put("namespace", namespace);
        event.set("involvedObject", involved);
        String words = turned.getMessage().isEmpty()
                ? "condition " + turned.getType() + " is " + turned.getStatus()
                : turned.getMessage();
        String moment = since.replaceAll("\\.[0-9]+", "");
        event.put("type", isGood(turned) ? "Normal" : "Warning")
                .put("reason", turned.getReason())
                .put("message", words.substring(0, Math.min(words.length(), MAX_MESSAGE)))
                .put("count", 1)
                .put("firstTimestamp", moment)
                .put("lastTimestamp", moment)
                .put("reportingComponent", "cairn-replica-manager");
        event.putObject("source").put("component", "cairn-replica-manager");
        return event;
    }
}
