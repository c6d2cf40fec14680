package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class WireTest {
    private static byte[] bytes(String text) {
        return text.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    }

    private static void assertJson(byte[] actual, String expected) throws IOException {
        JsonMapper json = new JsonMapper();
        assertThat(json.readTree(actual)).isEqualTo(json.readTree(bytes(expected)));
    }

    @Test
    void aRequestIsReadAsKubeSchedulerWritesItAndUnknownFieldsAreLeftAlone() throws Exception {
        Wire.Arguments arguments = Wire.arguments(bytes("""
                {'Pod': {'metadata': {'name': 'db-0', 'namespace': 'shop', 'uid': 'u', 'new': {}}, 'spec': {'volumes': [
                   {'name': 'data', 'persistentVolumeClaim': {'claimName': 'data-db-0'}},
                   {'name': 'scratch', 'ephemeral': {'volumeClaimTemplate': {'spec': {'storageClassName': 'c'}}}},
                   {'name': 'tmp', 'emptyDir': {}}]}, 'status': {}},
                 'Nodes': null, 'NodeNames': ['a', 'b'], 'Later': [1]}"""));
        assertThat(arguments.nodes()).containsExactly("a", "b");
        assertThat(arguments.pod())
                .isEqualTo(new PodVolumes(
                        "shop",
                        "db-0",
                        "u",
                        List.of(new PodVolumes.Use("data-db-0", ""), new PodVolumes.Use("db-0-scratch", "c"))));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                       | no JSON",
                "{\"Pod\":                                | no JSON",
                "[]                                       | no JSON object",
                "{}                                       | no Pod",
                "{\"pod\": {}}                            | no Pod",
                "{\"Pod\": {}}                            | nodeCacheCapable: true",
                "{\"Pod\": {}, \"Nodes\": {\"items\": []}}| nodeCacheCapable: true",
                "{\"Pod\": {}, \"NodeNames\": [1]}        | no string",
            })
    void whatIsNoRequestIsRefusedInWords(String body, String words) {
        assertThatThrownBy(() -> Wire.arguments(body.getBytes(StandardCharsets.UTF_8)))
                .isInstanceOf(Wire.BadRequest.class)
                .hasMessageContaining(words);
    }

    @Test
    void deeplyNestedBodiesAreRefused() {
        assertThatThrownBy(() -> Wire.arguments(bytes("{'Pod': " + "[".repeat(1_000))))
                .isInstanceOf(Wire.BadRequest.class);
    }

    @Test
    void answersHaveTheKeysOfTheGoStructs() throws IOException {
        assertJson(Wire.filtered(List.of("a", "b"), Map.of("b", "why")), """
                {'NodeNames': ['a'], 'FailedAndUnresolvableNodes': {'b': 'why'}, 'Nodes': null, 'FailedNodes': null,
                 'Error': ''}""");
        assertJson(Wire.refused("not now"), """
                {'NodeNames': null, 'FailedAndUnresolvableNodes': null, 'Nodes': null, 'FailedNodes': null,
                 'Error': 'not now'}""");
        assertJson(Wire.scored(List.of("a"), node -> 7), "[{'Host': 'a', 'Score': 7}]");
    }

    @Test
    void aRefusalOfAllNodesIsAnEmptyListAndNotNullWhichWouldHideTheReasons() throws IOException {
        assertJson(Wire.filtered(List.of("a"), Map.of("a", "why")), """
                {'NodeNames': [], 'FailedAndUnresolvableNodes': {'a': 'why'}, 'Nodes': null, 'FailedNodes': null,
                 'Error': ''}""");
    }
}
