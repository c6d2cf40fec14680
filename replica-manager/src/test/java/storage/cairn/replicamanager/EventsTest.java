package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Volume;

final class EventsTest {
    private static Volume volume(Map<String, String> annotations) {
        Volume volume = new Volume();
        volume.setMetadata(new ObjectMetaBuilder()
                .withName("data")
                .withUid("volume-uid")
                .withAnnotations(annotations)
                .build());
        return volume;
    }

    private static Condition redundant(String status) {
        return new ConditionBuilder()
                .withType("Redundant")
                .withStatus(status)
                .withReason("ReplicaLost")
                .withMessage("2 of 3 copies")
                .withLastTransitionTime("2026-01-01T00:00:00Z")
                .build();
    }

    private static List<ObjectNode> turned(Volume volume) {
        return Events.of(volume, List.of(redundant("True")), List.of(redundant("False")));
    }

    @Test
    void theClaimOfAVolumeIsToldOfWhatIsWrongToo() {
        List<ObjectNode> events = turned(volume(Map.of(Api.CLAIM, "shop/orders/claim-uid")));
        assertThat(events).hasSize(2);
        ObjectNode told = events.getLast();
        assertThat(told.at("/metadata/namespace").asText()).isEqualTo("shop");
        assertThat(told.at("/involvedObject/kind").asText()).isEqualTo("PersistentVolumeClaim");
        assertThat(told.at("/involvedObject/namespace").asText()).isEqualTo("shop");
        assertThat(told.at("/involvedObject/name").asText()).isEqualTo("orders");
        assertThat(told.at("/involvedObject/uid").asText()).isEqualTo("claim-uid");
        assertThat(told.get("type").asText()).isEqualTo("Warning");
        assertThat(told.get("message").asText()).isEqualTo("2 of 3 copies");
        assertThat(told.at("/metadata/name")).isNotEqualTo(events.getFirst().at("/metadata/name"));
    }

    @Test
    void aVolumeWithoutAClaimHasItsOwnEventAlone() {
        assertThat(turned(volume(Map.of()))).hasSize(1);
        assertThat(turned(volume(Map.of(Api.CLAIM, "nonsense")))).hasSize(1);
    }

    @Test
    void whatStaysAsItIsIsNoEvent() {
        assertThat(Events.of(volume(Map.of()), List.of(redundant("False")), List.of(redundant("False"))))
                .isEmpty();
    }
}
