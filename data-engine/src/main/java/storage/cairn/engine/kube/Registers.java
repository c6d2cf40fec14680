package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.register.NameClaims;
import storage.cairn.api.register.NameClaims.Claim;
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.register.Reply;
import storage.cairn.engine.kube.Memberships.UnreadableException;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;

/**
 * The registers of volumes on the API server: reads from the quorum, and compare-and-sets by changeId.
 *
 * <p>A change is one patch that tests the changeId of the value before and replaces the value. So another writer of the
 * same object (a label, an annotation) disturbs nothing, and after a restore of etcd, when resourceVersions come again,
 * a change that was meant for what is gone cannot apply to what came after.
 *
 * <p>Blocking. Calls for one volume come one after the other, calls for several volumes at the same time.
 */
final class Registers {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
    private static final int PAGE = 500;
    private static final int MAX_PAGES = 1_000;
    private static final int MAX_LISTS = 3;
    private static final int MAX_ATTEMPTS = 8;

    private final ApiClient api;
    private final NameClaims names;
    private final Consumer<String> problems;
    /** The last change that was read or made here, so that the next one need not be asked for. */
    private final Map<VolumeId, UUID> lastChange = new ConcurrentHashMap<>();

    Registers(ApiClient api, Consumer<String> problems) {
        this.api = api;
        this.names = new NameClaims(api);
        this.problems = problems;
    }

    Read get(VolumeId volume) {
        try {
            Reply reply = api.get(Memberships.path(volume));
            if (reply.objectMissing()) {
                return new Read.Absent();
            }
            if (!reply.ok()) {
                return new Read.Unavailable(reply.message());
            }
            Versioned current = Memberships.read(reply.body());
            if (current == null) {
                return new Read.Absent();
            }
            lastChange.put(volume, current.value().changeId());
            return new Read.Found(current);
        } catch (NoReplyException | UnreadableException e) {
            return new Read.Unavailable(String.valueOf(e.getMessage()));
        }
    }

    Written compareAndSet(VolumeId volume, long expected, Configuration value) {
        if (!value.volume().equals(volume)) {
            return new Written.Refused("the configuration is of volume " + value.volume() + ", not of " + volume);
        }
        if (!NAME.matcher(value.name()).matches()) {
            return new Written.Refused("volume name '" + value.name()
                    + "': use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit");
        }
        try {
            Written written = expected == Versioned.NONE ? create(value) : change(value, expected);
            if (written instanceof Written.Applied) {
                lastChange.put(volume, value.changeId());
            }
            return written;
        } catch (NoReplyException e) {
            return new Written.Unknown(String.valueOf(e.getMessage()));
        } catch (UnreadableException e) {
            return new Written.Refused(String.valueOf(e.getMessage()));
        }
    }

    private Written create(Configuration value) throws NoReplyException, UnreadableException {
        // A tombstone has no name, only the one it once had.
        Claim claim = value.deleted()
                ? new Claim.Held()
                : names.claim(value.name(), value.volume().uuid());
        return switch (claim) {
            case Claim.Taken ignored -> new Written.Conflict();
            case Claim.Refused refused -> new Written.Refused(refused.reason());
            case Claim.Held ignored -> {
                Reply reply = api.create(Memberships.PATH, Memberships.object(value));
                if (reply.ok()) {
                    yield new Written.Applied(Memberships.version(value.changeId()));
                }
                if (!reply.conflict()) {
                    yield refused(reply);
                }
                JsonNode found = read(value.volume());
                yield found != null && Memberships.changeId(found).equals(value.changeId())
                        ? new Written.Applied(Memberships.version(value.changeId()))
                        : new Written.Conflict();
            }
        };
    }

    private Written change(Configuration value, long expected) throws NoReplyException, UnreadableException {
        UUID before = lastChange.get(value.volume());
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            if (before == null || Memberships.version(before) != expected) {
                JsonNode found = read(value.volume());
                if (found == null) {
                    return new Written.Conflict();
                }
                before = Memberships.changeId(found);
                if (before.equals(value.changeId())) {
                    return new Written.Applied(Memberships.version(before));
                }
                if (Memberships.version(before) != expected) {
                    return new Written.Conflict();
                }
            }
            Reply reply = api.patch(
                    Memberships.path(value.volume()),
                    MembershipObjects.replaceIf("/spec/changeId", before.toString(), "/spec", Memberships.spec(value)));
            if (reply.ok()) {
                return new Written.Applied(Memberships.version(value.changeId()));
            }
            if (reply.objectMissing()) {
                return new Written.Conflict();
            }
            if (!reply.conflict() && !reply.invalid()) {
                return refused(reply);
            }
            // Whoever says no has not said why: the value decides.
            JsonNode found = read(value.volume());
            UUID present = found == null ? null : Memberships.changeId(found);
            if (value.changeId().equals(present)) {
                return new Written.Applied(Memberships.version(value.changeId()));
            }
            if (!before.equals(present)) {
                return new Written.Conflict();
            }
            if (reply.invalid()) {
                return new Written.Refused(reply.message());
            }
        }
        return new Written.Refused("volume " + value.name() + ": others write its VolumeMembership all the time");
    }

    /** The object, or null when it is not there. */
    private @Nullable JsonNode read(VolumeId volume) throws NoReplyException {
        Reply reply = api.get(Memberships.path(volume));
        if (reply.objectMissing()) {
            return null;
        }
        if (!reply.ok()) {
            throw new NoReplyException(reply.message());
        }
        return reply.body();
    }

    private static Written refused(Reply reply) throws NoReplyException {
        if (reply.overloaded()) {
            throw new NoReplyException(reply.message());
        }
        return new Written.Refused(reply.message());
    }

    /** Volumes whose membership cannot be read are left out here, and each is reported; {@link #get} refuses them. */
    Listed list() {
        try {
            for (int attempt = 0; attempt < MAX_LISTS; attempt++) {
                List<JsonNode> objects = new ArrayList<>();
                Reply last = pages(api::get, Memberships.PATH, objects);
                if (last.ok()) {
                    return new Listed.All(readable(objects));
                }
                if (!last.gone()) {
                    return new Listed.Unavailable(last.message());
                }
            }
            return new Listed.Unavailable("the list is so long that it changes before it is read; try again");
        } catch (NoReplyException e) {
            return new Listed.Unavailable(String.valueOf(e.getMessage()));
        }
    }

    private List<Versioned> readable(List<JsonNode> objects) {
        List<Versioned> all = new ArrayList<>();
        for (JsonNode object : objects) {
            try {
                Versioned each = Memberships.read(object);
                if (each != null) {
                    all.add(each);
                }
            } catch (UnreadableException e) {
                problems.accept("volume=" + Memberships.name(object) + " left out: " + e.getMessage());
            }
        }
        return all;
    }

    /** Asks for one page. */
    interface Page {
        Reply get(String path) throws NoReplyException;
    }

    /** Collects the objects of all pages, of one moment; answers the last page, or the first that is not one. */
    static Reply pages(Page page, String path, List<JsonNode> objects) throws NoReplyException {
        String token = "";
        for (int count = 0; count < MAX_PAGES; count++) {
            Reply reply = page.get(path + "?limit=" + PAGE
                    + (token.isEmpty() ? "" : "&continue=" + URLEncoder.encode(token, StandardCharsets.UTF_8)));
            if (!reply.ok()) {
                return reply;
            }
            reply.body().path("items").forEach(objects::add);
            token = reply.body().path("metadata").path("continue").asText();
            if (token.isEmpty()) {
                return reply;
            }
        }
        throw new NoReplyException("more than " + (long) MAX_PAGES * PAGE + " objects at " + path);
    }
}
