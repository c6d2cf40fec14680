package storage.cairn.cli.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.LocalCluster;

/**
 * The cluster of one demo, which leaves nothing behind: once it is closed, by the end of the demo or by the end of this
 * process, no engine can be started any more, those that run are killed, and the folder is deleted.
 */
final class DemoCluster implements AutoCloseable {
    private static final Duration END = Duration.ofMinutes(1);
    private static final long MAX_LOG_BYTES = 4L << 20;

    private final LocalCluster cluster;
    private final DemoFolder folder;
    private boolean closed;

    DemoCluster(LocalCluster cluster, DemoFolder folder) {
        this.cluster = cluster;
        this.folder = folder;
    }

    LocalCluster local() {
        return cluster;
    }

    List<Integer> nodes() {
        return cluster.nodes().stream().map(ClusterFile.Node::node).toList();
    }

    synchronized void start(int node) {
        if (closed) {
            throw new Failure(ExitCode.FAILED, "the demo has ended");
        }
        cluster.start(node);
    }

    void kill(int node) {
        if (!cluster.kill(node)) {
            throw new Failure(
                    ExitCode.FAILED, "The engine of node " + node + " ended by itself; its log: " + cluster.log(node));
        }
        cluster.awaitEnd(List.of(node), END);
    }

    /** Kills every engine at the same moment. */
    void killAll() {
        nodes().parallelStream().forEach(cluster::kill);
        cluster.awaitEnd(nodes(), END);
    }

    /** Leaves engines and files as they are. */
    synchronized void keep() {
        closed = true;
        folder.keep();
    }

    /** Writes what was shown and what the engines logged to one file, which stays. */
    Path keepLogs(List<String> transcript) {
        Path dir = cluster.dir();
        Path log = dir.resolveSibling(dir.getFileName() + ".log");
        try {
            Files.write(log, transcript);
            for (int node : nodes()) {
                for (Path file : List.of(cluster.printed(node), cluster.log(node))) {
                    if (Files.exists(file) && Files.size(file) > 0) {
                        Files.writeString(
                                log,
                                "\n===== node " + node + ": " + file.getFileName() + "\n",
                                StandardOpenOption.APPEND);
                        Files.write(log, end(file), StandardOpenOption.APPEND);
                    }
                }
            }
            return log;
        } catch (IOException e) {
            throw new UncheckedIOException("the log " + log + " cannot be written", e);
        }
    }

    private static byte[] end(Path file) throws IOException {
        try (var channel = Files.newByteChannel(file)) {
            channel.position(Math.max(0, channel.size() - MAX_LOG_BYTES));
            byte[] bytes = new byte[(int) Math.min(MAX_LOG_BYTES, channel.size())];
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining() && channel.read(buffer) > 0) {
                continue;
            }
            return new String(bytes, 0, buffer.position(), StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (int node : nodes()) {
            cluster.kill(node);
        }
        cluster.awaitEnd(nodes(), END);
        folder.close();
    }
}
