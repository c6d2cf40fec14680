package storage.cairn.schedulerextender;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import storage.cairn.schedulerextender.PodVolumes.Use;

/**
 * What kube-scheduler and an extender send each other (its module {@code extender/v1}, whose structs have no JSON names:
 * all keys begin with a capital letter; what is in a Pod has the usual ones).
 *
 * <pre>
 * filter       {"Pod": {...}, "Nodes": null, "NodeNames": ["a", "b"]}
 *          ->  {"NodeNames": ["a"], "FailedAndUnresolvableNodes": {"b": "why"}, "FailedNodes": null, "Error": ""}
 * prioritize   the same
 *          ->  [{"Host": "a", "Score": 10}]
 * </pre>
 *
 * NodeNames are there because the extender is configured as nodeCacheCapable; null in an answer means no node at all.
 */
final class Wire {
    /** Of a body. A Pod has 1.5 MiB at most, and 5,000 nodes have names of 253 bytes. */
    static final int MAX_BYTES = 4 << 20;

    private static final int MAX_NODES = 20_000;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    static {
        JSON.getFactory()
                .setStreamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(200)
                        .maxStringLength(MAX_BYTES)
                        .build());
    }

    private Wire() {}

    /** A request that cannot be answered, and what is wrong with it. */
    static final class BadRequest extends Exception {
        private static final long serialVersionUID = 1;

        BadRequest(String message) {
            super(message);
        }
    }

    /** A pod, and the nodes that are left for it. */
    record Arguments(PodVolumes pod, List<String> nodes) {}

    static Arguments arguments(byte[] body) throws BadRequest {
        JsonNode tree = tree(body);
        JsonNode pod = tree.path("Pod");
        if (!pod.isObject()) {
            throw new BadRequest("the request has no Pod");
        }
        JsonNode names = tree.path("NodeNames");
        if (!names.isArray()) {
            throw new BadRequest("the request has no NodeNames: set nodeCacheCapable: true for this extender");
        }
        if (names.size() > MAX_NODES) {
            throw new BadRequest("the request has " + names.size() + " nodes, more than " + MAX_NODES);
        }
        List<String> nodes = new ArrayList<>(names.size());
        for (JsonNode name : names) {
            if (!name.isTextual()) {
                throw new BadRequest("a name in NodeNames is no string: " + name.getNodeType());
            }
            nodes.add(name.textValue());
        }
        return new Arguments(pod(pod), nodes);
    }

    static JsonNode tree(byte[] body) throws BadRequest {
        try {
            JsonNode tree = JSON.readTree(body);
            if (tree == null || !tree.isObject()) {
                throw new BadRequest("the body is no JSON object");
            }
            return tree;
        } catch (JsonProcessingException e) {
            throw new BadRequest("the body is no JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new BadRequest("the body cannot be read: " + e.getMessage());
        }
    }

    /** What of a pod matters here. */
    static PodVolumes pod(JsonNode pod) {
        JsonNode metadata = pod.path("metadata");
        String name = metadata.path("name").asText();
        List<Use> uses = new ArrayList<>();
        for (JsonNode volume : pod.path("spec").path("volumes")) {
            JsonNode claim = volume.path("persistentVolumeClaim").path("claimName");
            JsonNode template =
                    volume.path("ephemeral").path("volumeClaimTemplate").path("spec");
            if (claim.isTextual()) {
                uses.add(new Use(claim.textValue(), ""));
            } else if (template.isObject()) {
                uses.add(new Use(
                        name + "-" + volume.path("name").asText(),
                        template.path("storageClassName").asText()));
            }
        }
        return new PodVolumes(
                metadata.path("namespace").asText(), name, metadata.path("uid").asText(), uses);
    }

    static byte[] filtered(List<String> nodes, Map<String, String> refusals) {
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        ArrayNode names = result.putArray("NodeNames");
        nodes.stream().filter(node -> !refusals.containsKey(node)).forEach(names::add);
        ObjectNode failed = result.putObject("FailedAndUnresolvableNodes");
        refusals.forEach(failed::put);
        result.putNull("Nodes").putNull("FailedNodes").put("Error", "");
        return bytes(result);
    }

    static byte[] refused(String error) {
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        result.putNull("Nodes").putNull("NodeNames").putNull("FailedNodes").putNull("FailedAndUnresolvableNodes");
        return bytes(result.put("Error", error));
    }

    static byte[] scored(List<String> nodes, ToIntFunction<String> score) {
        ArrayNode list = JsonNodeFactory.instance.arrayNode(nodes.size());
        for (String node : nodes) {
            list.addObject().put("Host", node).put("Score", score.applyAsInt(node));
        }
        return bytes(list);
    }

    static byte[] bytes(JsonNode tree) {
        try {
            return JSON.writeValueAsBytes(tree);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree can always be written", e);
        }
    }
}
