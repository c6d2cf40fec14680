package storage.cairn.api.register;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.UUID;
import storage.cairn.api.resource.Api;

/**
 * Which volume has a name, decided by VolumeName objects. A volume is made in two steps: it claims its name, then its
 * membership is created. The name of a deleted volume is free. A name whose volume is not there belongs to somebody
 * who died in between or is about to go on: whoever wants it puts a void in that volume's place, which only one of the
 * two can do, and takes the name only when the void is there. So no two living volumes have one name.
 *
 * <p>Blocking.
 */
public final class NameClaims {
    private static final String PATH = "/apis/" + Api.GROUP + "/" + Api.VERSION + "/volumenames";
    private static final int MAX_ATTEMPTS = 16;

    private final Requests api;

    public NameClaims(Requests api) {
        this.api = api;
    }

    /** How a claim ended. */
    public sealed interface Claim {
        record Held() implements Claim {}

        /** A living volume has the name. */
        record Taken() implements Claim {}

        record Refused(String reason) implements Claim {}
    }

    public Claim claim(String name, UUID volume) throws NoReplyException {
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            Reply found = api.get(PATH + "/" + name);
            Reply written;
            if (found.objectMissing()) {
                JsonNode spec = JsonNodeFactory.instance.objectNode().put("volume", volume.toString());
                written = api.create(PATH, MembershipObjects.object("VolumeName", name, spec));
            } else if (found.ok()) {
                String holder = found.body().path("spec").path("volume").asText();
                if (holder.equals(volume.toString())) {
                    return new Claim.Held();
                }
                if (!isFree(holder, name)) {
                    return new Claim.Taken();
                }
                written = api.patch(
                        PATH + "/" + name,
                        MembershipObjects.replaceIf(
                                "/spec/volume", holder, "/spec/volume", TextNode.valueOf(volume.toString())));
            } else {
                return refused(found);
            }
            if (written.ok()) {
                return new Claim.Held();
            }
            if (!written.conflict() && !written.invalid() && !written.objectMissing()) {
                return refused(written);
            }
        }
        return new Claim.Refused("many others want the name " + name + " at the same moment; try again");
    }

    /** Whether the holder of a name is deleted or, from now on, can never come to be. */
    private boolean isFree(String holder, String name) throws NoReplyException {
        Reply found = api.get(MembershipObjects.path(holder));
        if (found.objectMissing()) {
            Reply voided = api.create(MembershipObjects.PATH, MembershipObjects.voided(holder, name));
            if (!voided.ok() && !voided.conflict()) {
                throw new NoReplyException(voided.message());
            }
            found = api.get(MembershipObjects.path(holder));
        }
        if (!found.ok()) {
            throw new NoReplyException(found.message());
        }
        return MembershipObjects.isDeleted(found.body());
    }

    private static Claim refused(Reply reply) throws NoReplyException {
        if (reply.overloaded()) {
            throw new NoReplyException(reply.message());
        }
        return new Claim.Refused(reply.message());
    }
}
