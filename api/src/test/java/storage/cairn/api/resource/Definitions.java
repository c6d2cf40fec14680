package storage.cairn.api.resource;

import io.fabric8.crdv2.generator.CRDGenerator;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceColumnDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.api.model.apiextensions.v1.JSONSchemaProps;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The definitions of all resources as YAML, generated from their classes and finished where the generator is short. */
final class Definitions {
    private static final String HEADER =
            "# Generated from storage.cairn.api.resource; DefinitionsTest compares, and says how to write it anew.\n";

    static final List<Class<? extends CustomResource<?, ?>>> KINDS = List.of(
            StorageCluster.class,
            StorageNode.class,
            Disk.class,
            StoragePool.class,
            Volume.class,
            VolumeMembership.class,
            VolumeName.class);

    private Definitions() {}

    /** By file name. */
    static Map<String, String> generate() throws IOException {
        Map<String, String> files = new TreeMap<>();
        for (Class<? extends CustomResource<?, ?>> kind : KINDS) {
            CustomResourceDefinition definition = finished(generate(kind));
            files.put(definition.getSpec().getNames().getPlural() + ".yaml", HEADER + Serialization.asYaml(definition));
        }
        return files;
    }

    private static CustomResourceDefinition generate(Class<? extends CustomResource<?, ?>> kind) throws IOException {
        ByteArrayOutputStream yaml = new ByteArrayOutputStream();
        new CRDGenerator()
                .customResourceClasses(kind)
                .forCRDVersions("v1")
                .withOutput(new InMemory(yaml))
                .generate();
        return Serialization.unmarshal(yaml.toString(StandardCharsets.UTF_8), CustomResourceDefinition.class);
    }

    private record InMemory(ByteArrayOutputStream yaml) implements CRDGenerator.CRDOutput<OutputStream> {
        @Override
        public OutputStream outputFor(String name) {
            return yaml;
        }

        @Override
        public URI crdURI(String name) {
            return Path.of(name).toUri();
        }

        @Override
        public void close() {}
    }

    private static CustomResourceDefinition finished(CustomResourceDefinition definition) {
        // An uninstalled chart must not take the resources, and with them the volumes, along.
        definition.getMetadata().setAnnotations(Map.of("helm.sh/resource-policy", "keep"));
        definition.getSpec().getNames().setCategories(List.of("cairn"));
        definition.getSpec().getVersions().forEach(version -> {
            JSONSchemaProps root = version.getSchema().getOpenAPIV3Schema();
            root.setRequired(List.of("spec"));
            // The generator gives a status without fields to kinds that have none.
            root.getProperties().values().removeIf(part -> part.getProperties() == null);
            finish(root);
            version.getAdditionalPrinterColumns().forEach(Definitions::finish);
            CustomResourceColumnDefinition age = new CustomResourceColumnDefinition();
            age.setName("AGE");
            age.setType("date");
            age.setJsonPath(".metadata.creationTimestamp");
            version.getAdditionalPrinterColumns().add(age);
        });
        return definition;
    }

    private static void finish(CustomResourceColumnDefinition column) {
        // A Quantity is a number or a string.
        if (column.getType() == null) {
            column.setType("string");
        }
    }

    private static void finish(JSONSchemaProps schema) {
        if ("integer".equals(schema.getType())) {
            schema.setFormat("int64");
        }
        // The API server estimates the price of a rule by the greatest lengths, and reads none from a pattern.
        if (Api.UUID_PATTERN.equals(schema.getPattern())) {
            schema.setMaxLength(36L);
        }
        if (Api.VOLUME_NAME_PATTERN.equals(schema.getPattern())) {
            schema.setMaxLength(63L);
        }
        // A rule on a component of a record is found on its field and on its accessor.
        if (schema.getXKubernetesValidations() != null) {
            schema.setXKubernetesValidations(new ArrayList<>(new LinkedHashSet<>(schema.getXKubernetesValidations())));
        }
        if (schema.getProperties() != null) {
            JSONSchemaProps conditions = schema.getProperties().get("conditions");
            if (conditions != null) {
                conditions.setXKubernetesListType("map");
                conditions.setXKubernetesListMapKeys(List.of("type"));
                conditions
                        .getItems()
                        .getSchema()
                        .setRequired(List.of("lastTransitionTime", "reason", "status", "type"));
            }
            schema.getProperties().values().forEach(Definitions::finish);
        }
        if (schema.getItems() != null) {
            finish(schema.getItems().getSchema());
        }
    }
}
