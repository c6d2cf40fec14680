package storage.cairn.engine.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static storage.cairn.engine.embedded.ConfigStoreContract.configuration;
import static storage.cairn.engine.embedded.ConfigStoreContract.next;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.register.Reply;
import storage.cairn.engine.kube.Memberships.UnreadableException;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;

final class MembershipsTest {
    private static final Configuration VALUE = next(configuration("a"), false);

    private static ObjectNode object() {
        return Memberships.object(VALUE);
    }

    private static ObjectNode spec(ObjectNode object) {
        return (ObjectNode) object.path("spec");
    }

    @Test
    void whatIsWrittenIsReadBack() throws UnreadableException {
        for (Configuration each : new Configuration[] {configuration("b"), VALUE, next(VALUE, true)}) {
            assertThat(Memberships.read(Memberships.object(each)))
                    .isEqualTo(new Versioned(Memberships.version(each.changeId()), each));
        }
    }

    @Test
    void aVoidIsNoVolumeAndCountsAsDeleted() throws UnreadableException {
        ObjectNode voided = MembershipObjects.voided(VALUE.volume().toString(), "a");
        assertThat(Memberships.read(voided)).isNull();
        assertThat(MembershipObjects.isDeleted(voided)).isTrue();
    }

    @Test
    void anObjectThatALaterVersionWroteIsNotRead() {
        ObjectNode object = object();
        spec(object).put("colour", "red");
        assertThatThrownBy(() -> Memberships.read(object))
                .isInstanceOf(UnreadableException.class)
                .hasMessageContaining(VALUE.volume().toString())
                .hasMessageContaining("colour");
    }

    @Test
    void anOwnerOrADiskWithoutItsIdIsNotRead() {
        ObjectNode ownerless = object();
        spec(ownerless).putObject("owner").put("node", 1);
        ObjectNode diskless = object();
        spec(diskless).putArray("inSync").addNull();
        ObjectNode stale = object();
        spec(stale).putArray("syncing").addNull();
        ObjectNode staleDisk = object();
        spec(staleDisk).putArray("outOfSync").addObject().put("sinceSeq", 1);
        for (ObjectNode object : new ObjectNode[] {ownerless, diskless, stale, staleDisk}) {
            assertThatThrownBy(() -> Memberships.read(object))
                    .as("%s", object)
                    .isInstanceOf(UnreadableException.class)
                    .hasMessageContaining(VALUE.volume().toString());
        }
    }

    @Test
    void anObjectThatLacksSomethingOrMakesNoSenseIsNotRead() {
        for (String field : new String[] {"epoch", "deleted", "minInSync", "changeId", "inSync", "name"}) {
            ObjectNode object = object();
            spec(object).remove(field);
            assertThatThrownBy(() -> Memberships.read(object)).as(field).isInstanceOf(UnreadableException.class);
        }
        ObjectNode object = object();
        spec(object).put("minInSync", 5);
        assertThatThrownBy(() -> Memberships.read(object)).isInstanceOf(UnreadableException.class);
    }

    @Test
    void aVersionIsThatOfItsChangeAndNeverNone() {
        assertThat(Memberships.version(new UUID(7, 7))).isNotEqualTo(Versioned.NONE);
        assertThat(Memberships.version(new UUID(1, 2))).isNotEqualTo(Memberships.version(new UUID(1, 3)));
    }

    @Test
    void onlyAServerThatKnowsTheKindCanSayThatAnObjectIsMissing() {
        String missing = """
                {"kind":"Status","reason":"NotFound","details":{"name":"a","group":"cairn.storage"},"code":404}""";
        assertThat(new Reply(404, ApiClient.parse(missing.getBytes(StandardCharsets.UTF_8))).objectMissing())
                .isTrue();
        assertThat(new Reply(404, ApiClient.parse("404 page not found".getBytes(StandardCharsets.UTF_8)))
                        .objectMissing())
                .isFalse();
    }
}
