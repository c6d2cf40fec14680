package storage.cairn.cli.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Json;
import storage.cairn.engine.fuzz.FuzzTarget;

/**
 * What the command line reads in a cluster's folder: with 0 as the first byte {@code cluster.json}, with 1 the
 * {@code engine.json} of its first node, with anything else a pid file.
 */
public final class ClusterFolderFuzz implements FuzzTarget {
    private static final String CLUSTER = Json.text(new ClusterFile(
            "00000000-0000-4000-8000-000000000001",
            List.of(new ClusterFile.Node(
                    1, "127.0.0.1:1", "/c/1.sock", "127.0.0.1:2", "/c/n.sock", "127.0.0.1:3", "127.0.0.1:4"))));

    private final Path folder;
    private final Path pidFile;

    public ClusterFolderFuzz() {
        try {
            folder = Files.createTempDirectory("cairn-fuzz");
            Files.createDirectory(folder.resolve("node-1"));
            pidFile = folder.resolve("pid");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        byte[] file = Arrays.copyOfRange(input, 1, input.length);
        Path cluster = folder.resolve("cluster.json");
        Path engine = folder.resolve("node-1").resolve("engine.json");
        Files.write(cluster, input[0] == 0 ? file : CLUSTER.getBytes(StandardCharsets.UTF_8));
        Files.write(engine, input[0] == 1 ? file : "{}".getBytes(StandardCharsets.UTF_8));
        Files.write(pidFile, file);
        try {
            ClusterFolder open = ClusterFolder.open(folder);
            open.file().nodes().forEach(node -> open.node(node.node()));
            if (open.file().nodes().getFirst().node() == 1) {
                ClusterPlan _ = open.plan();
            }
        } catch (Failure refused) {
            if (!refused.getMessage().contains(folder.toString())) {
                throw new AssertionError("a refusal that does not name the file: " + refused.getMessage());
            }
        }
        if (input[0] > 1) {
            EngineProcess.running(pidFile).ifPresent(process -> {
                throw new AssertionError("a process that is none: " + process);
            });
        }
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(
                prefixed(0, CLUSTER), prefixed(1, """
                        {"node": 1, "disks": [{"path": "/c/d", "sizeBytes": 1073741824}], "ioMode": "pool"}"""), prefixed(2, "1 17 00000000-0000-4000-8000-000000000001\n"));
    }

    private static byte[] prefixed(int first, String text) {
        byte[] rest = text.getBytes(StandardCharsets.UTF_8);
        byte[] input = new byte[rest.length + 1];
        input[0] = (byte) first;
        System.arraycopy(rest, 0, input, 1, rest.length);
        return input;
    }

    @Override
    public void close() {
        try {
            for (String file : List.of("node-1/engine.json", "node-1", "cluster.json", "pid", "")) {
                Files.deleteIfExists(folder.resolve(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public long allowedBytes(int inputBytes) {
        return (1 << 20) + 256L * inputBytes;
    }
}
