package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import storage.cairn.engine.fuzz.FuzzTarget;

/** {@code engine.json} (first byte 0) and {@code cluster.json} (anything else). */
public final class ConfigFileFuzz implements FuzzTarget {
    private static final String ENGINE = """
            {"node": 1, "clusterFile": "/c/cluster.json", "secretFile": "/c/secret", "configDir": "/c/config",
             "runDir": "/c/node-1", "disks": [{"path": "/c/disk", "sizeBytes": 1073741824, "wipe": false}],
             "ioMode": "auto", "memory": {"hostBytes": 67108864}}
            """;
    private static final String CLUSTER = """
            {"clusterId": "00000000-0000-4000-8000-000000000001", "nodes": [{"node": 1,
             "peerAddress": "127.0.0.1:7000", "controlSocket": "/c/1.sock", "controlAddress": "127.0.0.1:7001",
             "nbdSocket": "/c/n.sock", "nbdAddress": "127.0.0.1:7002", "metricsAddress": "127.0.0.1:7003"}]}
            """;

    private final Path file;

    public ConfigFileFuzz() {
        try {
            file = Files.createTempFile("cairn-fuzz", ".json");
            file.toFile().deleteOnExit();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        Files.write(file, java.util.Arrays.copyOfRange(input, 1, input.length));
        try {
            if (input[0] == 0) {
                ConfigLoader.engine(file);
            } else {
                ConfigLoader.cluster(file);
            }
        } catch (ConfigException refused) {
            if (!String.valueOf(refused.getMessage()).contains(file.toString())) {
                throw new AssertionError("a refusal that does not name the file: " + refused.getMessage());
            }
        }
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(prefixed(0, ENGINE), prefixed(0, ConfigLoader.DEFAULTS), prefixed(1, CLUSTER));
    }

    private static byte[] prefixed(int first, String text) {
        byte[] rest = text.getBytes(StandardCharsets.UTF_8);
        byte[] input = new byte[rest.length + 1];
        input[0] = (byte) first;
        System.arraycopy(rest, 0, input, 1, rest.length);
        return input;
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // The loader's buffer for a file, and what Jackson makes of it.
        return (512 << 10) + 256L * inputBytes;
    }
}
