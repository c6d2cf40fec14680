package storage.cairn.api.resource;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The definitions in the chart are those of the classes. */
final class DefinitionsTest {
    static final Path CHART = Path.of("..", "charts", "cairn", "templates", "crds");

    /** {@code -Dcairn.definitions=write} writes them anew. */
    @Test
    void theChartHasTheDefinitionsOfTheClasses() throws IOException {
        Map<String, String> generated = Definitions.generate();
        if ("write".equals(System.getProperty("cairn.definitions"))) {
            write(generated);
        }
        Map<String, String> found = new TreeMap<>();
        try (Stream<Path> files = Files.list(CHART)) {
            for (Path file : files.toList()) {
                found.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        assertThat(found)
                .as("write them anew: ./mvnw -pl api -am test -Dtest=DefinitionsTest -Dcairn.definitions=write"
                        + " -Dsurefire.failIfNoSpecifiedTests=false")
                .isEqualTo(generated);
    }

    private static void write(Map<String, String> generated) throws IOException {
        Files.createDirectories(CHART);
        for (Map.Entry<String, String> file : generated.entrySet()) {
            Files.writeString(CHART.resolve(file.getKey()), file.getValue());
        }
    }

    /** Fields whose inner fields are Kubernetes' own. */
    private static final Set<String> OF_KUBERNETES =
            Set.of("tolerations", "resources", "pullSecrets", "selector", "conditions");

    @Test
    void everyFieldIsDescribed() throws IOException {
        List<String> undescribed = new ArrayList<>();
        Definitions.generate().forEach((file, yaml) -> {
            CustomResourceDefinition definition = Serialization.unmarshal(yaml, CustomResourceDefinition.class);
            JSONSchemaProps root =
                    definition.getSpec().getVersions().getFirst().getSchema().getOpenAPIV3Schema();
            root.getProperties().forEach((name, part) -> check(file + " " + name, part, undescribed));
        });
        assertThat(undescribed).isEmpty();
    }

    private static void check(String path, JSONSchemaProps schema, List<String> undescribed) {
        JSONSchemaProps items =
                schema.getItems() == null ? schema : schema.getItems().getSchema();
        if (items.getProperties() == null) {
            return;
        }
        items.getProperties().forEach((name, field) -> {
            if (field.getDescription() == null) {
                undescribed.add(path + "." + name);
            }
            if (!OF_KUBERNETES.contains(name)) {
                check(path + "." + name, field, undescribed);
            }
        });
    }
}
