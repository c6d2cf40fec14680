package storage.cairn.engine.kube;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/**
 * Configurations as VolumeMembership objects and back. An object with a field that this engine does not know is not
 * read: to write it again would lose that field.
 */
final class Memberships {
    static final String PATH = MembershipObjects.PATH;

    private static final JsonMapper STRICT = JsonMapper.builder()
            .enable(
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null))
            .build();
    /** What a mapper would leave null; of numbers and truths it says so. */
    private static final List<String> LISTS_AND_TEXTS = List.of("name", "changeId", "inSync", "syncing", "outOfSync");

    private Memberships() {}

    /** An object that cannot be read. */
    static final class UnreadableException extends Exception {
        private static final long serialVersionUID = 1;

        UnreadableException(String message) {
            super(message);
        }
    }

    static String path(VolumeId volume) {
        return PATH + "/" + volume;
    }

    /** The version of the value that a change made: 64 bits of its changeId, which was made at random. */
    static long version(UUID changeId) {
        long version = changeId.getMostSignificantBits() ^ changeId.getLeastSignificantBits();
        return version == Versioned.NONE ? 1 : version;
    }

    static UUID changeId(JsonNode object) throws UnreadableException {
        String text = object.path("spec").path("changeId").asText();
        try {
            return UUID.fromString(text);
        } catch (IllegalArgumentException e) {
            throw new UnreadableException("VolumeMembership " + name(object) + ": changeId '" + text + "'");
        }
    }

    static String name(JsonNode object) {
        return object.path("metadata").path("name").asText();
    }

    static boolean isVoid(JsonNode object) {
        return object.path("spec").path("void").asBoolean();
    }

    /** The value, or null for a void: a volume that never was. */
    static @Nullable Versioned read(JsonNode object) throws UnreadableException {
        for (String field : LISTS_AND_TEXTS) {
            if (!object.path("spec").hasNonNull(field)) {
                throw new UnreadableException("VolumeMembership " + name(object) + " has no " + field);
            }
        }
        try {
            VolumeMembershipSpec spec = STRICT.treeToValue(object.path("spec"), VolumeMembershipSpec.class);
            if (spec.voided()) {
                return null;
            }
            Configuration value = configuration(VolumeId.of(name(object)), spec);
            return new Versioned(version(value.changeId()), value);
        } catch (JsonProcessingException e) {
            throw new UnreadableException(
                    "VolumeMembership " + name(object) + " is not as this engine knows it: " + e.getOriginalMessage());
        } catch (IllegalArgumentException e) {
            throw new UnreadableException("VolumeMembership " + name(object) + ": " + e.getMessage());
        }
    }

    private static Configuration configuration(VolumeId volume, VolumeMembershipSpec spec) {
        VolumeMembershipSpec.Owner owner = spec.owner();
        String attachId = spec.attachId();
        return new Configuration(
                volume,
                spec.name(),
                spec.storeTerm(),
                spec.epoch(),
                UUID.fromString(spec.changeId()),
                owner == null
                        ? null
                        : new Configuration.Owner(owner.node(), UUID.fromString(given(owner.incarnation()))),
                spec.inSync().stream().map(disk -> DiskId.of(given(disk))).toList(),
                stale(spec.syncing()),
                stale(spec.outOfSync()),
                spec.minInSync(),
                spec.sizeBytes(),
                attachId == null ? null : UUID.fromString(attachId),
                spec.formatted(),
                spec.deleted());
    }

    private static List<Configuration.Stale> stale(List<VolumeMembershipSpec.Stale> from) {
        List<Configuration.Stale> to = new ArrayList<>();
        for (VolumeMembershipSpec.Stale each : from) {
            to.add(new Configuration.Stale(DiskId.of(given(given(each).disk())), each.sinceSeq()));
        }
        return to;
    }

    /** Disks given with commas between them. */
    static List<DiskId> disks(String text) {
        List<DiskId> disks = new ArrayList<>();
        for (String each : text.split(",", Configuration.MAX_REPLICAS + 1)) {
            if (!each.isBlank()) {
                disks.add(DiskId.of(each.strip()));
            }
        }
        return disks;
    }

    /** A part inside of a list or an owner; the mapper leaves one null that is not there. */
    private static <T> T given(@Nullable T part) {
        if (part == null) {
            throw new IllegalArgumentException("an owner or a disk without its id");
        }
        return part;
    }

    static JsonNode spec(Configuration value) {
        Configuration.Owner owner = value.owner();
        UUID attachId = value.attachId();
        return STRICT.valueToTree(new VolumeMembershipSpec(
                value.name(),
                value.storeTerm(),
                value.epoch(),
                value.changeId().toString(),
                owner == null
                        ? null
                        : new VolumeMembershipSpec.Owner(
                                owner.node(), owner.incarnation().toString()),
                value.inSync().stream().map(DiskId::toString).toList(),
                listed(value.syncing()),
                listed(value.outOfSync()),
                value.minInSync(),
                value.sizeBytes(),
                attachId == null ? null : attachId.toString(),
                value.formatted(),
                value.deleted(),
                false));
    }

    private static List<VolumeMembershipSpec.Stale> listed(List<Configuration.Stale> from) {
        List<VolumeMembershipSpec.Stale> to = new ArrayList<>();
        for (Configuration.Stale each : from) {
            to.add(new VolumeMembershipSpec.Stale(each.replica().toString(), each.sinceSeq()));
        }
        return to;
    }

    static ObjectNode object(Configuration value) {
        return MembershipObjects.object("VolumeMembership", value.volume().toString(), spec(value));
    }
}
