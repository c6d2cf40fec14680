package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ConfigLoaderTest {
    private static final String LEAST = """
            {"node": 1, "dataDir": "/d", "clusterFile": "/c", "secretFile": "/s", "configDir": "/v",
             "disks": [{"path": "/d/disk-1"}]}
            """;

    @TempDir
    Path folder;

    private EngineConfig load(String json) throws IOException, ConfigException {
        Path file = folder.resolve("engine.json");
        Files.writeString(file, json);
        return ConfigLoader.engine(file);
    }

    @Test
    void whatIsNotGivenHasItsDefault() throws Exception {
        assertThat(load(LEAST))
                .isEqualTo(new EngineConfig(
                        1,
                        "/d",
                        "/c",
                        "/s",
                        EngineConfig.StoreKind.DIRECTORY,
                        "/v",
                        "",
                        new EngineConfig.Kubernetes("", "", 0, 7481),
                        java.util.List.of(new EngineConfig.DiskConfig("/d/disk-1", 0, false)),
                        EngineConfig.IoMode.AUTO,
                        "",
                        EngineConfig.LogLevel.INFO,
                        30_000,
                        false,
                        new EngineConfig.Memory(
                                64 << 20, 64 << 20, 32 << 20, 8 << 20, 16 << 20, 8 << 20, 16 << 20, 32 << 20,
                                350 << 20),
                        new EngineConfig.Rebuild(64 << 20, 512 << 20)));
    }

    @Test
    void oneKeyOfAGroupLeavesTheOthersAtTheirDefaults() throws Exception {
        EngineConfig config = load(LEAST.replaceFirst("\\{", "{\"memory\": {\"hostBytes\": 134217728}, "));
        assertThat(config.memory().hostBytes()).isEqualTo(128 << 20);
        assertThat(config.memory().ownerBytes()).isEqualTo(8 << 20);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"nodes\": 1|nodes",
                "\"memory\": {\"bytes\": 1}|bytes",
                "\"memory\": {\"hostBytes\": 1}|memory.hostBytes: 1 given",
                "\"rebuild\": {\"floorBytesPerSecond\": 1}|floorBytesPerSecond 1 ",
                "\"rebuild\": {\"bytesPerSecond\": 1048576}|bytesPerSecond 1048576 ",
                "\"shutdownMillis\": \"soon\"|shutdownMillis",
                "\"shutdownMillis\": 1.5|shutdownMillis",
                "\"shutdownMillis\": 1|shutdownMillis: 1 given",
                "\"allowNonLoopback\": 1|allowNonLoopback",
                "\"ioMode\": \"fast\"|ioMode",
                "\"configStore\": \"etcd\"|configStore",
                "\"configStore\": \"kubernetes\"|configDir: needed with",
                "\"kubeconfig\": \"/k\"|kubeconfig: of use",
                "\"kubernetes\": {\"nodeName\": \"n\", \"host\": \"127.0.0.1\"}|kubernetes.nodeName: needs configStore",
                "\"kubernetes\": {\"nodeName\": \"n\"}|kubernetes.host: needed",
                "\"kubernetes\": {\"peerPort\": 99999}|kubernetes.peerPort",
                "\"logFile\": null|logFile",
                "\"logFile\": 3|logFile",
            })
    void whatMakesNoSenseIsRefusedByName(String member, String named) {
        assertThatThrownBy(() -> load(LEAST.replaceFirst("\\{", "{" + member.replace("\\", "\\\\") + ", ")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("engine.json")
                .hasMessageContaining(named);
    }

    @Test
    void whatIsMissingTwiceGivenOrCutIsRefused() {
        assertThatThrownBy(() -> load(LEAST.replace("\"configDir\": \"/v\",", "")))
                .hasMessageContaining("configDir");
        assertThatThrownBy(() -> load(LEAST.replace("{\"path\": \"/d/disk-1\"}", "")))
                .hasMessageContaining("disks: 0 given");
        assertThatThrownBy(() -> load(LEAST.replace("}]}", "}, {\"path\": \"/d/disk-1\"}]}")))
                .hasMessageContaining("twice");
        assertThatThrownBy(() -> load(LEAST.substring(0, 60))).hasMessageContaining("engine.json line");
        assertThatThrownBy(() -> load("[]")).hasMessageContaining("not a JSON object");
        assertThatThrownBy(() -> load(LEAST + "x")).isInstanceOf(ConfigException.class);
        assertThatThrownBy(() -> load(LEAST.replaceFirst("\"node\": 1", "\"node\": 1, \"node\": 2")))
                .isInstanceOf(ConfigException.class);
    }

    @Test
    void theSecretMustBeLongEnoughAndPrivate() throws Exception {
        Path file = folder.resolve("secret");
        Files.writeString(file, "00".repeat(32) + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        assertThat(ConfigLoader.secret(file)).hasSize(32);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        assertThatThrownBy(() -> ConfigLoader.secret(file)).hasMessageContaining("chmod 600");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        Files.writeString(file, "0011");
        assertThatThrownBy(() -> ConfigLoader.secret(file)).hasMessageContaining("2 bytes");
        Files.writeString(file, "secret");
        assertThatThrownBy(() -> ConfigLoader.secret(file)).hasMessageContaining("hexadecimal");
    }

    @Test
    void addressesOffLoopbackAreRefusedUnlessAllowed() throws Exception {
        assertThat(ConfigLoader.address("nbdAddress", "127.0.0.1:10809", true).getPort())
                .isEqualTo(10_809);
        assertThat(ConfigLoader.address("nbdAddress", "0.0.0.0:10809", false).getPort())
                .isEqualTo(10_809);
        assertThatThrownBy(() -> ConfigLoader.address("nbdAddress", "0.0.0.0:10809", true))
                .hasMessageContaining("allowNonLoopback");
        for (String wrong : new String[] {"", "127.0.0.1", "127.0.0.1:", ":1", "127.0.0.1:99999", "127.0.0.1:x"}) {
            assertThatThrownBy(() -> ConfigLoader.address("nbdAddress", wrong, true))
                    .as(wrong)
                    .hasMessageContaining("nbdAddress");
        }
    }

    @Test
    void theTableInTheDocumentationIsTrue() throws Exception {
        Map<String, String> documented = new TreeMap<>();
        for (String line : Files.readAllLines(documentation())) {
            if (line.startsWith("| `")) {
                String[] cells = line.split("\\|");
                documented.put(
                        cells[1].strip().replace("`", ""), cells[2].strip().replace("`", ""));
            }
        }
        Map<String, String> known = new TreeMap<>();
        keys("", EngineConfig.class, ConfigLoader.JSON.readTree(ConfigLoader.DEFAULTS), known);
        assertThat(documented).isEqualTo(known);
    }

    private static Path documentation() {
        Path here = Path.of("docs/configuration.md");
        return Files.exists(here) ? here : Path.of("../docs/configuration.md");
    }

    private static void keys(String prefix, Class<?> type, JsonNode defaults, Map<String, String> into)
            throws IOException {
        for (RecordComponent component : type.getRecordComponents()) {
            String key = prefix + component.getName();
            JsonNode value = defaults.path(component.getName());
            if (component.getType().isRecord()) {
                keys(key + ".", component.getType(), value, into);
                continue;
            }
            into.put(key, value.isMissingNode() ? "" : value.asText());
            if (component.getGenericType() instanceof ParameterizedType list) {
                keys(
                        key + "[].",
                        (Class<?>) list.getActualTypeArguments()[0],
                        ConfigLoader.JSON.readTree(ConfigLoader.DISK_DEFAULTS),
                        into);
            }
        }
    }
}
