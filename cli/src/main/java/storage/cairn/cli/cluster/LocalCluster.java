package storage.cairn.cli.cluster;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;

/**
 * The engines of one data folder as processes of this machine: starts, finds, signals and waits for them. They run
 * detached from the terminal and outlive this process, unless they are tied to it.
 */
public final class LocalCluster {
    private static final Duration POLL = Duration.ofMillis(20);
    private static final int LAST_LINES = 5;

    private final ClusterFolder folder;
    private final EngineCommand command;
    /** How long the file of what an engine printed was when this process started it; earlier lines are of the past. */
    private final Map<Integer, Long> printedBefore = new HashMap<>();

    private final boolean tied;
    /** Of tied engines; each holds the other end of its engine's input open. */
    private final Map<Integer, Process> started = new ConcurrentHashMap<>();

    private LocalCluster(ClusterFolder folder, EngineCommand command, boolean tied) {
        this.folder = folder;
        this.command = command;
        this.tied = tied;
    }

    /** The cluster that is in {@code dir}. */
    public static LocalCluster open(Path dir, EngineCommand command) {
        return new LocalCluster(ClusterFolder.open(dir), command, false);
    }

    /** Lays out a new cluster in {@code dir}; no engine is started. If another command was quicker, its cluster. */
    public static LocalCluster create(Path dir, ClusterPlan plan, EngineCommand command) {
        return create(dir, plan, command, false);
    }

    /** As {@link #create}, with engines that end when this process does, however that ends. */
    public static LocalCluster createTied(Path dir, ClusterPlan plan, EngineCommand command) {
        return create(dir, plan, command, true);
    }

    private static LocalCluster create(Path dir, ClusterPlan plan, EngineCommand command, boolean tied) {
        Path made = ClusterFolder.make(dir);
        try (var _ = lock(made)) {
            ClusterFolder folder = exists(made) ? ClusterFolder.open(made) : ClusterFolder.create(made, plan);
            return new LocalCluster(folder, command, tied);
        }
    }

    public static boolean exists(Path dir) {
        return ClusterFolder.exists(dir);
    }

    public Path dir() {
        return folder.dir();
    }

    public ClusterFile file() {
        return folder.file();
    }

    /** As it was made. */
    public ClusterPlan plan() {
        return folder.plan();
    }

    /** Nodes in the order of their numbers. */
    public List<ClusterFile.Node> nodes() {
        return folder.file().nodes();
    }

    public ClusterFile.Node node(int number) {
        return folder.node(number);
    }

    /** @throws Failure when there is no node of this number */
    public void requireNode(int number) {
        folder.node(number);
    }

    /** The log of a node's engine. */
    public Path log(int node) {
        return folder.nodeFolder(node).resolve("engine.log");
    }

    /** What a node's engine printed: why it did not start, or what its JVM said at its end. */
    public Path printed(int node) {
        return folder.nodeFolder(node).resolve("engine.out");
    }

    public boolean runs(int node) {
        return process(node).isPresent();
    }

    public List<Integer> running() {
        return nodes().stream().map(ClusterFile.Node::node).filter(this::runs).toList();
    }

    /** Keeps other commands from starting and stopping engines of this cluster until it is closed. */
    public Lock lock() {
        return lock(folder.dir());
    }

    private static Lock lock(Path dir) {
        Path file = dir.resolve("lock");
        try {
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            channel.lock();
            return new Lock(channel);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be locked", e);
        }
    }

    /** Starts the engine of a node and does not wait for it; one that runs is left alone. Says whether it started. */
    public boolean start(int node) {
        return start(node, false);
    }

    /**
     * As {@link #start(int)}.
     *
     * @param wipe whether it may destroy foreign data on its disks
     */
    public boolean start(int node, boolean wipe) {
        if (runs(node)) {
            return false;
        }
        folder.prepareStart(node, running().isEmpty());
        List<String> line = new ArrayList<>(List.of("setsid"));
        line.addAll(command.line(folder.engineFile(node), tied, wipe));
        File printed = printed(node).toFile();
        printedBefore.put(node, printed.length());
        try {
            Process process = new ProcessBuilder(line)
                    .directory(folder.nodeFolder(node).toFile())
                    .redirectInput(
                            tied ? ProcessBuilder.Redirect.PIPE : ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(printed))
                    .redirectErrorStream(true)
                    .start();
            if (tied) {
                started.put(node, process);
            }
            Optional<EngineProcess> engine = EngineProcess.of(process.pid());
            if (engine.isPresent()) {
                engine.get().writeTo(pidFile(node));
            }
            return true;
        } catch (IOException e) {
            throw new Failure(
                    ExitCode.FAILED,
                    "The engine of node " + node + " cannot be started: " + e.getMessage()
                            + " (setsid is in the package util-linux)",
                    e);
        }
    }

    /**
     * Waits until each of {@code nodes} answers its control socket.
     *
     * @param progress told the number of nodes that are ready, whenever it changes
     * @throws Failure naming the log, when an engine ends or the time is over
     */
    public void awaitReady(List<Integer> nodes, Duration timeout, Progress progress) {
        List<Integer> waiting = new ArrayList<>(nodes);
        long deadline = System.nanoTime() + timeout.toNanos();
        while (!waiting.isEmpty()) {
            if (waiting.removeIf(this::answers)) {
                progress.ready(nodes.size() - waiting.size(), nodes.size());
            }
            for (int node : waiting) {
                if (!runs(node)) {
                    throw new Failure(
                            ExitCode.FAILED, "The engine of node " + node + " ended at its start" + tail(node));
                }
            }
            if (!waiting.isEmpty()) {
                pause(
                        deadline,
                        "The engine of node " + waiting.getFirst() + " is not ready after " + timeout.toSeconds()
                                + " s; its log: " + log(waiting.getFirst()));
            }
        }
    }

    /** SIGTERM: hand over, checkpoint, end. Says whether there was one to tell. */
    public boolean stop(int node) {
        Optional<EngineProcess> engine = process(node);
        engine.ifPresent(EngineProcess::terminate);
        return engine.isPresent();
    }

    /** SIGKILL. Says whether there was one to kill. */
    public boolean kill(int node) {
        Optional<EngineProcess> engine = process(node);
        engine.ifPresent(EngineProcess::kill);
        return engine.isPresent();
    }

    /** Waits until none of {@code nodes} runs; what is still there at the end of the time is named in the failure. */
    public void awaitEnd(List<Integer> nodes, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        List<Integer> waiting = new ArrayList<>(nodes);
        while (!waiting.isEmpty()) {
            waiting.removeIf(node -> !runs(node));
            if (!waiting.isEmpty()) {
                pause(
                        deadline,
                        "The engine of node " + waiting.getFirst() + " still runs after " + timeout.toSeconds()
                                + " s; its log: " + log(waiting.getFirst()));
            }
        }
        for (int node : nodes) {
            folder.removeLeftovers(node);
        }
    }

    public long pid(int node) {
        return process(node).map(EngineProcess::pid).orElse(0L);
    }

    private Optional<EngineProcess> process(int node) {
        return EngineProcess.running(pidFile(node));
    }

    private Path pidFile(int node) {
        return folder.nodeFolder(node).resolve("engine.pid");
    }

    private boolean answers(int node) {
        if (!Files.exists(Path.of(node(node).controlSocket()))) {
            return false;
        }
        try (ControlClient client = ControlClient.connect(node(node))) {
            return client.reachable();
        }
    }

    private String tail(int node) {
        for (Path file : List.of(printed(node), log(node))) {
            try (var in = Files.newInputStream(file)) {
                in.skipNBytes(file.equals(printed(node)) ? printedBefore.getOrDefault(node, 0L) : 0);
                List<String> said = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> !line.isBlank())
                        .toList();
                List<String> last = said.subList(Math.max(0, said.size() - LAST_LINES), said.size());
                if (!last.isEmpty()) {
                    return "; the end of " + file + ":\n  " + String.join("\n  ", last);
                }
            } catch (IOException e) {
                // Not there: the other one, or at least its name.
                continue;
            }
        }
        return "; its log: " + log(node);
    }

    private static void pause(long deadline, String lateMessage) {
        if (System.nanoTime() >= deadline) {
            throw new Failure(ExitCode.UNREACHABLE, lateMessage);
        }
        if (Thread.currentThread().isInterrupted()) {
            throw new Failure(ExitCode.FAILED, "interrupted");
        }
        LockSupport.parkNanos(POLL.toNanos());
    }

    /** How many of the engines that are being started are ready. */
    public interface Progress {
        void ready(int ready, int of);
    }

    /** The right to start and stop engines. */
    public static final class Lock implements AutoCloseable {
        private final FileChannel channel;

        private Lock(FileChannel channel) {
            this.channel = channel;
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException("the cluster's lock cannot be released", e);
            }
        }
    }
}
