package storage.cairn.engine.node;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.HexFormat;
import java.util.Set;

/** The one reader of an engine's configuration: unknown keys, missing keys and wrong types are refused by name. */
final class ConfigLoader {
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_PORT = 65_535;

    /** What a file need not say. Whatever is not here it must say. */
    static final String DEFAULTS = """
            {
              "node": 0,
              "clusterFile": "",
              "disks": [],
              "configStore": "directory",
              "configDir": "",
              "kubeconfig": "",
              "kubernetes": {
                "nodeName": "",
                "host": "",
                "peerPort": 0,
                "metricsPort": 7481
              },
              "ioMode": "auto",
              "logFile": "",
              "logLevel": "info",
              "shutdownMillis": 30000,
              "allowNonLoopback": false,
              "memory": {
                "hostBytes": 67108864,
                "receiveBytes": 67108864,
                "readBytes": 33554432,
                "ownerBytes": 8388608,
                "replicaBytes": 16777216,
                "backgroundBytes": 8388608,
                "storeBytes": 16777216,
                "pageCacheBytes": 33554432,
                "overlayBytes": 367001600
              },
              "rebuild": {
                "floorBytesPerSecond": 67108864,
                "bytesPerSecond": 536870912
              }
            }
            """;

    static final String DISK_DEFAULTS = "{\"sizeBytes\": 0, \"wipe\": false}";

    static final JsonMapper JSON = JsonMapper.builder()
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                    DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .withCoercionConfig(
                    LogicalType.Integer,
                    config -> config.setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.String, CoercionAction.Fail))
            .withCoercionConfig(
                    LogicalType.Boolean,
                    config -> config.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.String, CoercionAction.Fail))
            .withCoercionConfig(
                    LogicalType.Textual,
                    config -> config.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                            .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .build();

    private ConfigLoader() {}

    static EngineConfig engine(Path file) throws ConfigException {
        return engine(file, "", "");
    }

    /**
     * @param nodeName in place of {@code kubernetes.nodeName}, unless it is empty
     * @param host in place of {@code kubernetes.host}, unless it is empty
     */
    static EngineConfig engine(Path file, String nodeName, String host) throws ConfigException {
        ObjectNode given = object(file, read(file));
        ObjectNode merged = merge(object(file, DEFAULTS), given);
        if (merged.get("kubernetes") instanceof ObjectNode kubernetes) {
            if (!nodeName.isEmpty()) {
                kubernetes.put("nodeName", nodeName);
            }
            if (!host.isEmpty()) {
                kubernetes.put("host", host);
            }
        }
        if (merged.get("disks") instanceof ArrayNode disks) {
            for (int i = 0; i < disks.size(); i++) {
                if (disks.get(i) instanceof ObjectNode disk) {
                    disks.set(i, merge(object(file, DISK_DEFAULTS), disk));
                }
            }
        }
        return convert(file, merged, EngineConfig.class);
    }

    static ClusterFile cluster(Path file) throws ConfigException {
        return convert(file, object(file, read(file)), ClusterFile.class);
    }

    /** The cluster's secret; a file that others may read is refused. */
    static byte[] secret(Path file) throws ConfigException {
        byte[] secret;
        try {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
            if (permissions.contains(PosixFilePermission.OTHERS_READ)
                    || permissions.contains(PosixFilePermission.GROUP_READ)) {
                throw new ConfigException("secret file " + file + " can be read by others: chmod 600 it");
            }
            secret = HexFormat.of().parseHex(read(file).strip());
        } catch (IllegalArgumentException e) {
            throw new ConfigException("secret file " + file + " does not hold hexadecimal digits only");
        } catch (IOException e) {
            throw new ConfigException("secret file " + file + " cannot be read: " + e);
        }
        if (secret.length < 16 || secret.length > 64) {
            throw new ConfigException("secret file " + file + " holds " + secret.length + " bytes, not 16 to 64");
        }
        return secret;
    }

    /**
     * An address given as {@code host:port}.
     *
     * @param loopbackOnly whether another interface is refused
     */
    static InetSocketAddress address(String key, String text, boolean loopbackOnly) throws ConfigException {
        int colon = text.lastIndexOf(':');
        try {
            int port = Integer.parseInt(text.substring(colon + 1));
            if (colon > 0 && port >= 0 && port <= MAX_PORT) {
                InetAddress host = InetAddress.getByName(text.substring(0, colon));
                if (loopbackOnly && !host.isLoopbackAddress()) {
                    throw new ConfigException(key + " " + text
                            + " is not on loopback, and nobody is asked who he is there: use 127.0.0.1, or say"
                            + " \"allowNonLoopback\": true");
                }
                return new InetSocketAddress(host, port);
            }
        } catch (NumberFormatException | UnknownHostException e) {
            throw new ConfigException(key + " '" + text + "' is not host:port: " + e.getMessage());
        }
        throw new ConfigException(key + " '" + text + "' is not host:port");
    }

    private static String read(Path file) throws ConfigException {
        try (var in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new ConfigException(file + " is longer than " + MAX_BYTES + " bytes");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw new ConfigException(file + " is not there");
        } catch (IOException e) {
            throw new ConfigException(file + " cannot be read: " + e.getMessage());
        }
    }

    private static ObjectNode object(Path file, String text) throws ConfigException {
        try {
            JsonNode tree = JSON.readTree(text);
            if (tree instanceof ObjectNode object) {
                return object;
            }
            throw new ConfigException(file + " is not a JSON object");
        } catch (JsonProcessingException e) {
            throw new ConfigException(file + " line " + e.getLocation().getLineNr() + ": " + e.getOriginalMessage());
        }
    }

    private static ObjectNode merge(ObjectNode defaults, ObjectNode given) {
        for (var entry : given.properties()) {
            JsonNode before = defaults.get(entry.getKey());
            if (before instanceof ObjectNode inner && entry.getValue() instanceof ObjectNode value) {
                merge(inner, value);
            } else {
                defaults.set(entry.getKey(), entry.getValue());
            }
        }
        return defaults;
    }

    private static <T> T convert(Path file, ObjectNode tree, Class<T> type) throws ConfigException {
        try {
            return JSON.treeToValue(tree, type);
        } catch (JsonProcessingException e) {
            // Jackson adds where in the tree on further lines, which is of use, and the text, which is not.
            Throwable cause = e.getCause();
            String what = cause instanceof IllegalArgumentException && cause.getMessage() != null
                    ? cause.getMessage()
                    : e.getOriginalMessage();
            throw new ConfigException(file + ": " + what + path(e));
        }
    }

    private static String path(JsonProcessingException e) {
        if (!(e instanceof com.fasterxml.jackson.databind.JsonMappingException mapping)
                || mapping.getPath().isEmpty()) {
            return "";
        }
        StringBuilder path = new StringBuilder(" (at ");
        for (var step : mapping.getPath()) {
            path.append(step.getFieldName() == null ? "[" + step.getIndex() + "]" : "." + step.getFieldName());
        }
        return path.append(')').toString();
    }
}
