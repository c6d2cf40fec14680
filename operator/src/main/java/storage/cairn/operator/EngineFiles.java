package storage.cairn.operator;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import storage.cairn.api.resource.StorageClusterSpec;

/**
 * The files that engines are started with, as docs/configuration.md describes them: {@code engine.json}, the same for
 * all. Where the spec names a network there is {@code NODE.json} for each node instead, which adds its address there.
 */
final class EngineFiles {
    static final String CONFIG_FOLDER = "/etc/cairn/config";
    static final String SECRET_FOLDER = "/etc/cairn/secret";
    static final String DATA_FOLDER = "/var/lib/cairn";
    static final String SECRET_KEY = "secret";
    static final String COMMON = "engine.json";
    static final int DEFAULT_PORT = 7480;

    static final JsonMapper JSON = new JsonMapper();

    private EngineFiles() {}

    static ConfigMap configMap(StorageClusterSpec spec, List<EngineNode> nodes, Settings settings) {
        Map<String, String> data = new TreeMap<>();
        data.put(COMMON, common(spec).toPrettyString());
        if (EngineNode.cidr(spec) != null) {
            for (EngineNode node : nodes) {
                ObjectNode file = common(spec);
                file.withObject("/kubernetes").put("host", node.host());
                data.put(node.name() + ".json", file.toPrettyString());
            }
        }
        return new ConfigMapBuilder()
                .withNewMetadata()
                .withName(Names.ENGINE)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.ENGINE))
                .endMetadata()
                .withData(data)
                .build();
    }

    /** What an engine is started with beside its name. */
    static List<String> arguments(StorageClusterSpec spec) {
        return EngineNode.cidr(spec) == null
                ? List.of(
                        "--config", CONFIG_FOLDER + "/" + COMMON, "--node-name", "$(NODE_NAME)", "--host", "$(HOST_IP)")
                : List.of("--config", CONFIG_FOLDER + "/$(NODE_NAME).json", "--node-name", "$(NODE_NAME)");
    }

    static int port(StorageClusterSpec spec) {
        StorageClusterSpec.Network network = spec.network();
        Integer port = network == null ? null : network.port();
        return port == null ? DEFAULT_PORT : port;
    }

    /** Metrics and health: the port after that of the engines. */
    static int metricsPort(StorageClusterSpec spec) {
        return port(spec) + 1;
    }

    private static ObjectNode common(StorageClusterSpec spec) {
        ObjectNode file = JSON.createObjectNode();
        file.put("dataDir", DATA_FOLDER);
        file.put("secretFile", SECRET_FOLDER + "/" + SECRET_KEY);
        file.put("configStore", "kubernetes");
        file.put("logFile", "-");
        file.put("allowNonLoopback", true);
        file.putObject("kubernetes").put("metricsPort", metricsPort(spec));
        return file;
    }

    static List<StorageClusterSpec.FileDisk> files(StorageClusterSpec spec) {
        StorageClusterSpec.Disks disks = spec.disks();
        List<StorageClusterSpec.FileDisk> files = disks == null ? null : disks.files();
        return files == null ? List.of() : files;
    }
}
