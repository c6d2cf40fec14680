package storage.cairn.api.resource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.NamespacedKubernetesClient;
import io.fabric8.kubernetes.client.dsl.FieldValidateable.Validation;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import storage.cairn.testing.ApiServer;

/** What a real API server says to the definitions, to the examples, and to resources that are wrong. */
final class ResourcesIT {
    private static final Path EXAMPLES = Path.of("..", "examples");
    private static final String OTHER_ID = "11111111-2222-3333-4444-555555555555";

    private static final JsonMapper JSON = new JsonMapper();

    private static ApiServer server;
    private static KubernetesClient client;

    @BeforeAll
    static void start() throws IOException {
        server = ApiServer.start();
        client = server.client();
        server.define(DefinitionsTest.CHART);
    }

    @AfterAll
    static void stop() throws IOException {
        if (server != null) {
            client.close();
            server.close();
        }
    }

    @AfterEach
    void removeAll() {
        for (var kind : Definitions.KINDS) {
            client.resources(kind).delete();
        }
    }

    private static GenericKubernetesResource example(String file) throws IOException {
        return resources(file).getFirst();
    }

    /** The resources of one file. */
    private static List<GenericKubernetesResource> resources(String file) throws IOException {
        return Stream.of(Files.readString(EXAMPLES.resolve(file)).split("(?m)^---$"))
                .map(each -> Serialization.unmarshal(each, GenericKubernetesResource.class))
                .toList();
    }

    private static JsonNode tree(GenericKubernetesResource resource) throws IOException {
        return JSON.readTree(Serialization.asJson(resource));
    }

    private static GenericKubernetesResource resource(JsonNode tree) {
        return Serialization.unmarshal(tree.toString(), GenericKubernetesResource.class);
    }

    static List<String> examples() throws IOException {
        try (Stream<Path> files = Files.walk(EXAMPLES)) {
            return files.filter(file -> file.toString().endsWith(".yaml"))
                    .map(file -> EXAMPLES.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    /** With strict validation, so that a field of an example that the definition does not know is refused. */
    @ParameterizedTest
    @MethodSource("examples")
    void anExampleIsAcceptedWithEveryFieldKept(String file) throws IOException {
        var inDefault = client.adapt(NamespacedKubernetesClient.class).inNamespace("default");
        for (GenericKubernetesResource given : resources(file)) {
            GenericKubernetesResource accepted = inDefault
                    .resource(given)
                    .dryRun()
                    .fieldValidation(Validation.STRICT)
                    .create();
            // Kubernetes' own kinds are not for us to test: some fields of theirs are never shown again.
            if (given.getApiVersion().startsWith(Api.GROUP)) {
                assertContains(tree(accepted), tree(given));
            }
        }
    }

    private static void assertContains(JsonNode found, JsonNode given) {
        if (given.isObject()) {
            given.properties().forEach(field -> assertContains(found.path(field.getKey()), field.getValue()));
        } else {
            assertThat(found).isEqualTo(given);
        }
    }

    @Test
    void everyKindHasAnExample() throws IOException {
        List<String> kinds =
                Definitions.KINDS.stream().map(Class::getSimpleName).toList();
        for (String file : examples()) {
            kinds = kinds.stream().filter(kind -> !example(file, kind)).toList();
        }
        assertThat(kinds).as("without an example").isEmpty();
    }

    private static boolean example(String file, String kind) {
        try {
            return resources(file).stream().anyMatch(each -> each.getKind().equals(kind));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void defaultsAreFilledIn() throws IOException {
        StorageCluster cluster = Serialization.unmarshal(
                Serialization.asJson(
                        client.resource(example("storagecluster.yaml")).dryRun().create()),
                StorageCluster.class);
        assertThat(cluster.getSpec().kubeletDir()).isEqualTo("/var/lib/kubelet");
        StoragePool pool = Serialization.unmarshal(
                Serialization.asJson(
                        client.resource(example("storagepool.yaml")).dryRun().create()),
                StoragePool.class);
        assertThat(pool.getSpec().nearFullPercent()).isEqualTo(75);
        assertThat(pool.getSpec().spread()).isEqualTo(Spread.ZONE);
    }

    static Stream<Arguments> wrong() {
        return Stream.of(
                arguments("storagecluster.yaml", "{\"metadata\":{\"name\":\"second\"}}", "name it 'cairn'"),
                arguments("storagecluster.yaml", "{\"spec\":{\"disks\":{\"devices\":null}}}", "name devices"),
                arguments("storagecluster.yaml", "{\"spec\":{\"disks\":{\"devices\":[\"sdb\"]}}}", "/dev/"),
                arguments("storagecluster.yaml", "{\"spec\":{\"disks\":{\"media\":[\"tape\"]}}}", "supported values"),
                arguments("storagecluster.yaml", "{\"spec\":{\"defaults\":{\"minInSync\":4}}}", "more than replicas"),
                arguments("storagecluster.yaml", "{\"spec\":{\"network\":{\"cidr\":\"10.1.0.0\"}}}", "not a network"),
                arguments("storagecluster.yaml", "{\"spec\":{\"network\":{\"port\":80}}}", "1024"),
                arguments("storagecluster.yaml", "{\"spec\":{\"kubeletDir\":\"kubelet\"}}", "kubeletDir"),
                arguments(
                        "storagecluster.yaml",
                        "{\"spec\":{\"resources\":{\"limits\":{\"memory\":\"-1Gi\"}}}}",
                        "up to 3Gi of memory"),
                arguments(
                        "storagecluster.yaml",
                        "{\"spec\":{\"resources\":{\"limits\":{\"memory\":1000}}}}",
                        "up to 3Gi of memory"),
                arguments("storagecluster.yaml", "{\"spec\":{\"disks\":{\"minSize\":\"-1Gi\"}}}", "not a size"),
                arguments("storagecluster.yaml", "{\"spec\":{\"disks\":{\"minSize\":\"big\"}}}", "minSize"),
                arguments("storagecluster.yaml", "{\"spec\":{\"clusterId\":\"mine\"}}", "clusterId"),
                arguments("storagecluster-trial.yaml", "{\"spec\":{\"disks\":{\"files\":[{\"path\":\"a\"}]}}}", "path"),
                arguments("storagepool.yaml", "{\"spec\":{\"replicas\":6}}", "less than or equal to 5"),
                arguments("storagepool.yaml", "{\"spec\":{\"minInSync\":4}}", "more than replicas"),
                arguments("storagepool.yaml", "{\"spec\":{\"nearFullPercent\":90}}", "too late"),
                arguments("storagepool.yaml", "{\"spec\":{\"overProvisioningPercent\":50}}", "100"),
                arguments("volume.yaml", "{\"metadata\":{\"name\":\"a.b\"}}", "1 to 63 of a-z"),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"much\"}}", "multiple of 4 KiB"),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"1000\"}}", "multiple of 4 KiB"),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"0\"}}", "multiple of 4 KiB"),
                arguments("volume.yaml", "{\"spec\":{\"size\":-4096}}", "multiple of 4 KiB"),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"4Ki\"}}", "from 1Mi to 240Ti"),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"900Ti\"}}", "from 1Mi to 240Ti"),
                arguments("volume.yaml", "{\"spec\":{\"replicas\":0}}", "greater than or equal to 1"),
                arguments("volume.yaml", "{\"spec\":{\"minInSync\":5}}", "more than replicas"),
                arguments("volume.yaml", "{\"spec\":{\"id\":\"data\"}}", "spec.id"),
                arguments("volume.yaml", "{\"spec\":{\"pool\":null}}", "pool: Required"),
                arguments("volume.yaml", "{\"spec\":{\"locality\":\"near\"}}", "supported values"),
                arguments("volume.yaml", "{\"spec\":{\"colour\":\"red\"}}", "unknown field"),
                arguments(
                        "volume.yaml", "{\"spec\":{\"deleteRequest\":\"" + OTHER_ID + "\"}}", "repeat the volume's id"),
                arguments("made-by-cairn/storagenode.yaml", "{\"spec\":{\"number\":0}}", "greater than or equal to 1"),
                arguments(
                        "made-by-cairn/storagenode.yaml",
                        "{\"spec\":{\"maintenance\":{\"until\":\"tomorrow\"}}}",
                        "not a moment"),
                arguments("made-by-cairn/disk.yaml", "{\"metadata\":{\"name\":\"sdb\"}}", "UUID of its label"),
                arguments("made-by-cairn/volumename.yaml", "{\"spec\":{\"volume\":\"data\"}}", "spec.volume"),
                arguments("made-by-cairn/volumemembership.yaml", "{\"metadata\":{\"name\":\"a\"}}", "volume's id"),
                arguments(
                        "made-by-cairn/volumemembership.yaml",
                        "{\"spec\":{\"minInSync\":3}}",
                        "fewer replicas in sync"),
                arguments("made-by-cairn/volumemembership.yaml", "{\"spec\":{\"inSync\":[]}}", "at least 1"),
                arguments("made-by-cairn/volumemembership.yaml", "{\"spec\":{\"sizeBytes\":5000}}", "multiple of 4096"),
                arguments("made-by-cairn/volumemembership.yaml", "{\"spec\":{\"void\":true}}", "never was"),
                arguments(
                        "made-by-cairn/volumemembership.yaml", "{\"spec\":{\"changeId\":null}}", "changeId: Required"),
                arguments(
                        "made-by-cairn/volumemembership.yaml",
                        "{\"spec\":{\"outOfSync\":[{\"disk\":\"0d6e1c52-7a3b-4f0e-8c1d-2b9a4e5f6a70\",\"sinceSeq\":0}]}}",
                        "named twice"));
    }

    @ParameterizedTest
    @MethodSource
    void wrong(String file, String change, String says) throws IOException {
        ObjectNode tree = (ObjectNode) tree(example(file));
        merge(tree, JSON.readTree(change));
        GenericKubernetesResource bad = resource(tree);
        assertThatThrownBy(() -> client.resource(bad)
                        .dryRun()
                        .fieldValidation(Validation.STRICT)
                        .create())
                .isInstanceOf(KubernetesClientException.class)
                .hasMessageContaining(says);
    }

    private static void merge(ObjectNode into, JsonNode change) {
        change.properties().forEach(field -> {
            if (field.getValue().isNull()) {
                into.remove(field.getKey());
            } else if (into.get(field.getKey()) instanceof ObjectNode inner
                    && field.getValue().isObject()) {
                merge(inner, field.getValue());
            } else {
                into.set(field.getKey(), field.getValue());
            }
        });
    }

    private static final String NEW_ID = "\"changeId\":\"" + OTHER_ID + "\"";

    static Stream<Arguments> changes() {
        String membership = "made-by-cairn/volumemembership.yaml";
        return Stream.of(
                arguments("volume.yaml", "{\"spec\":{\"size\":\"20Gi\"}}", ""),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"10240Mi\"}}", ""),
                arguments("volume.yaml", "{\"spec\":{\"size\":21474836480}}", ""),
                arguments("volume.yaml", "{\"spec\":{\"deleteRequest\":\"6f1c2b1e-8a35-4c8e-9a63-5b0b2f6d7c11\"}}", ""),
                arguments("volume.yaml", "{\"spec\":{\"size\":\"9Gi\"}}", "never shrink"),
                arguments("volume.yaml", "{\"spec\":{\"pool\":\"slow\"}}", "pool cannot be changed"),
                arguments("volume.yaml", "{\"spec\":{\"id\":\"" + OTHER_ID + "\"}}", "cannot be changed"),
                arguments("volume.yaml", "{\"spec\":{\"source\":{\"volume\":\"a\"}}}", "source says"),
                arguments("storagecluster.yaml", "{\"spec\":{\"clusterId\":\"" + OTHER_ID + "\"}}", ""),
                arguments("storagecluster.yaml", "{\"spec\":{\"kubeletDir\":\"/data/kubelet\"}}", "mounted below it"),
                arguments("made-by-cairn/storagenode.yaml", "{\"spec\":{\"evacuate\":true}}", ""),
                arguments("made-by-cairn/storagenode.yaml", "{\"spec\":{\"number\":2}}", "cannot be changed"),
                arguments("made-by-cairn/disk.yaml", "{\"spec\":{\"evacuate\":true}}", ""),
                arguments("made-by-cairn/disk.yaml", "{\"spec\":{\"pool\":\"slow\"}}", "stays in its pool"),
                arguments("made-by-cairn/disk.yaml", "{\"spec\":{\"pool\":null}}", "stays in its pool"),
                arguments(membership, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", ""),
                arguments(membership, "{\"spec\":{\"epoch\":8," + NEW_ID + "}}", ""),
                arguments(membership, "{\"spec\":{\"storeTerm\":2,\"epoch\":3," + NEW_ID + "}}", ""),
                arguments(membership, "{\"spec\":{\"epoch\":9," + NEW_ID + "}}", "raises epoch by one"),
                arguments(membership, "{\"spec\":{\"epoch\":6," + NEW_ID + "}}", "raises epoch by one"),
                arguments(membership, "{\"spec\":{\"epoch\":8}}", "changeId of its own"),
                arguments(membership, "{\"spec\":{" + NEW_ID + "}}", "raises epoch by one"),
                arguments(membership, "{\"spec\":{\"minInSync\":1}}", "changeId of its own"),
                arguments(membership, "{\"spec\":{\"epoch\":8,\"name\":\"b\"," + NEW_ID + "}}", "cannot be renamed"),
                arguments(membership, "{\"spec\":{\"epoch\":8,\"sizeBytes\":8192," + NEW_ID + "}}", "never shrinks"));
    }

    @ParameterizedTest
    @MethodSource
    void changes(String file, String change, String refusedWith) throws IOException {
        GenericKubernetesResource before = client.resource(example(file)).serverSideApply();
        PatchContext merge = PatchContext.of(PatchType.JSON_MERGE);
        if (refusedWith.isEmpty()) {
            assertThat(client.resource(before).dryRun().patch(merge, change)).isNotEqualTo(before);
        } else {
            assertThatThrownBy(() -> client.resource(before).dryRun().patch(merge, change))
                    .isInstanceOf(KubernetesClientException.class)
                    .hasMessageContaining(refusedWith);
        }
    }

    @Test
    void aTombstoneStaysOne() throws IOException {
        GenericKubernetesResource membership = example("made-by-cairn/volumemembership.yaml");
        membership.getMetadata().setName(OTHER_ID);
        ObjectNode tree = (ObjectNode) tree(membership);
        merge(tree, JSON.readTree("{\"spec\":{\"deleted\":true}}"));
        client.resource(resource(tree)).create();
        assertThatThrownBy(() -> client.resource(membership)
                        .patch(
                                PatchContext.of(PatchType.JSON_MERGE),
                                "{\"spec\":{\"deleted\":false,\"epoch\":8," + NEW_ID + "}}"))
                .hasMessageContaining("a tombstone stays one");
    }

    @Test
    void aVolumeIsFoundByItsId() throws IOException {
        client.resource(example("volume.yaml")).serverSideApply();
        String id = "6f1c2b1e-8a35-4c8e-9a63-5b0b2f6d7c11";
        assertThat(client.resources(Volume.class)
                        .withField("spec.id", id)
                        .list()
                        .getItems())
                .singleElement()
                .satisfies(volume -> assertThat(volume.getSpec().id()).isEqualTo(id));
        assertThat(client.resources(Volume.class)
                        .withField("spec.id", OTHER_ID)
                        .list()
                        .getItems())
                .isEmpty();
    }
}
