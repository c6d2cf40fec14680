package storage.cairn.api.register;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.UUID;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeMembershipSpec;

/** VolumeMembership objects and the patches that change them. */
public final class MembershipObjects {
    public static final String PATH = "/apis/" + Api.GROUP + "/" + Api.VERSION + "/volumememberships";

    private static final JsonMapper JSON = JsonMapper.builder()
            .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null))
            .build();
    private static final UUID NO_DISK = new UUID(0, 0);

    private MembershipObjects() {}

    public static String path(String volume) {
        return PATH + "/" + volume;
    }

    public static boolean isDeleted(JsonNode object) {
        return object.path("spec").path("deleted").asBoolean();
    }

    public static JsonNode spec(VolumeMembershipSpec spec) {
        return JSON.valueToTree(spec);
    }

    public static ObjectNode object(String volume, VolumeMembershipSpec spec) {
        return object("VolumeMembership", volume, spec(spec));
    }

    public static ObjectNode object(String kind, String name, JsonNode spec) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        object.put("apiVersion", Api.GROUP + "/" + Api.VERSION).put("kind", kind);
        object.putObject("metadata").put("name", name);
        object.set("spec", spec);
        return object;
    }

    /** What takes the place of a volume that was announced by its name, is not there, and now never can be. */
    public static ObjectNode voided(String volume, String name) {
        return object(
                volume,
                new VolumeMembershipSpec(
                        name,
                        1,
                        1,
                        UUID.randomUUID().toString(),
                        null,
                        List.of(NO_DISK.toString()),
                        List.of(),
                        List.of(),
                        1,
                        4096,
                        null,
                        false,
                        true,
                        true));
    }

    /** What follows {@code before}: the volume is gone, and its replicas may be erased. */
    public static VolumeMembershipSpec tombstone(VolumeMembershipSpec before) {
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
                true,
                false);
    }

    /** The operations that put {@code value} at {@code path} if {@code tested} still is {@code expected}. */
    public static ArrayNode replaceIf(String tested, String expected, String path, JsonNode value) {
        ArrayNode operations = JsonNodeFactory.instance.arrayNode();
        operations.addObject().put("op", "test").put("path", tested).put("value", expected);
        operations.addObject().put("op", "replace").put("path", path).set("value", value);
        return operations;
    }
}
