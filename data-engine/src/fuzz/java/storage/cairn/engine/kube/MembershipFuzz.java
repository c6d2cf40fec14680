package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.register.Reply;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.kube.Memberships.UnreadableException;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/** The body of an answer of the API server, taken for a VolumeMembership. What is read is written and read again. */
public final class MembershipFuzz implements FuzzTarget {
    @Override
    public void run(byte[] input) {
        JsonNode body = ApiClient.parse(input);
        Reply reply = new Reply(200 + (input.length == 0 ? 0 : input[0] & 0xff), body);
        require(!reply.message().isEmpty(), "an answer without a message");
        require(!Memberships.isVoid(body) || body.isObject(), "a void that is no object");
        try {
            require(Memberships.version(Memberships.changeId(body)) != Versioned.NONE, "the version of nothing");
        } catch (UnreadableException refused) {
            require(!String.valueOf(refused.getMessage()).isEmpty(), "a refusal without a reason");
        }
        try {
            Versioned read = Memberships.read(body);
            if (read != null) {
                Versioned again = Memberships.read(Memberships.object(read.value()));
                require(read.equals(again), "a membership changes: " + read + " became " + again);
            }
        } catch (UnreadableException refused) {
            require(
                    String.valueOf(refused.getMessage()).contains(Memberships.name(body)),
                    "a refusal that does not name the object: " + refused.getMessage());
        }
    }

    static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    static Configuration value() {
        return new Configuration(
                new VolumeId(new UUID(3, 4)),
                "fuzzed",
                1,
                7,
                new UUID(5, 6),
                new Configuration.Owner(2, new UUID(7, 8)),
                List.of(new DiskId(new UUID(1, 2))),
                List.of(new Configuration.Stale(new DiskId(new UUID(1, 3)), 12)),
                List.of(new Configuration.Stale(new DiskId(new UUID(1, 4)), 0)),
                1,
                1 << 20,
                new UUID(9, 10),
                true,
                false);
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(
                Memberships.object(value()).toString().getBytes(StandardCharsets.UTF_8),
                MembershipObjects.voided(value().volume().toString(), "fuzzed")
                        .toString()
                        .getBytes(StandardCharsets.UTF_8),
                "{\"kind\": \"Status\", \"message\": \"not found\", \"details\": {\"name\": \"x\"}, \"code\": 404}"
                        .getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // Jackson's trees and buffers, and an exception with its trace.
        return (512 << 10) + 256L * inputBytes;
    }
}
