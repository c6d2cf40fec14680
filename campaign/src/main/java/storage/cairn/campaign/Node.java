package storage.cairn.campaign;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.ControlGrpc.ControlBlockingStub;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.engine.sim.Violation;

/** One storage node: its folder and its engine, a process that is started, stopped and killed as a campaign wants. */
final class Node {
    private static final int END_SECONDS = 90;
    private static final int NOT_STARTED = 1;
    private static final int METRICS_MILLIS = 3_000;

    private final int number;
    private final Path folder;
    private final ClusterFile.Node place;
    private final List<String> line;
    private final Map<String, String> signs = Map.of(
            "event=TookOver", Effects.TAKEOVERS,
            "event=TakenOut", Effects.TAKEN_OUT,
            "event=RebuildDone", Effects.REBUILT,
            "event=Repaired", Effects.REPAIRED,
            "event=ChecksumMismatch", Effects.CHECKSUMS,
            "event=ConfigStoreProblem", Effects.CONFIG);

    private long countedBytes;
    private @Nullable Process process;
    private boolean ending;
    private boolean paused;

    Node(int number, Path folder, ClusterFile.Node place, Network network, EngineCommand engine) {
        this.number = number;
        this.folder = folder;
        this.place = place;
        this.line = new ArrayList<>(network.on(number));
        line.add(engine.java().toString());
        line.addAll(engine.options());
        line.addAll(List.of(
                "-cp",
                engine.classPath(),
                engine.mainClass(),
                "--config",
                folder.resolve("engine.json").toString()));
    }

    int number() {
        return number;
    }

    Path log() {
        return folder.resolve("engine.log");
    }

    Path folder() {
        return folder;
    }

    ClusterFile.Node place() {
        return place;
    }

    synchronized boolean runs() {
        return process != null && process.isAlive();
    }

    synchronized boolean paused() {
        return paused;
    }

    synchronized void start() {
        if (runs()) {
            return;
        }
        File printed = folder.resolve("engine.out").toFile();
        try {
            Files.deleteIfExists(Path.of(place.controlSocket()));
            Files.deleteIfExists(Path.of(place.nbdSocket()));
            process = new ProcessBuilder(line)
                    .directory(folder.toFile())
                    .redirectInput(new File("/dev/null"))
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(printed))
                    .redirectErrorStream(true)
                    .start();
            ending = false;
            paused = false;
        } catch (IOException e) {
            throw new UncheckedIOException("the engine of node " + number + " cannot be started", e);
        }
    }

    /** SIGKILL; returns when the process is gone, and whether there was one. */
    boolean kill() {
        Process running = end();
        boolean alive = running != null && running.isAlive();
        if (running != null) {
            running.destroyForcibly();
            awaitEnd(running, "SIGKILL");
        }
        return alive;
    }

    /** SIGTERM; returns when the process is gone. */
    void terminate() {
        Process running = end();
        if (running != null) {
            running.destroy();
            awaitEnd(running, "SIGTERM");
        }
    }

    private synchronized @Nullable Process end() {
        ending = true;
        return process;
    }

    private void awaitEnd(Process running, String signal) {
        try {
            if (!running.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                throw new Violation(
                        "liveness", "the engine of node " + number + " runs " + END_SECONDS + " s after " + signal);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    synchronized void pause() {
        if (runs()) {
            signal("STOP");
            paused = true;
        }
    }

    synchronized void go() {
        if (paused) {
            signal("CONT");
            paused = false;
        }
    }

    private void signal(String name) {
        Process running = process;
        if (running != null) {
            Shell.Outcome _ = Shell.attempt("kill", "-" + name, Long.toString(running.pid()));
        }
    }

    /**
     * An engine that ends though nobody ended it has broken a promise of its own, unless it could not start.
     *
     * @param hindered whether what it needs for its start is or was kept from it
     */
    synchronized void checkAlive(boolean hindered) {
        Process running = process;
        if (running != null && !ending && !running.isAlive()) {
            if (hindered && running.exitValue() == NOT_STARTED) {
                start();
                return;
            }
            throw new Violation(
                    "crash",
                    "the engine of node " + number + " ended by itself with exit code " + running.exitValue()
                            + "; what it said: " + folder.resolve("engine.out") + " and " + log());
        }
    }

    /** What the engine says of itself, or null while it does not answer. */
    @Nullable
    NodeStatus status() {
        return ask(5, stub -> stub.getStatus(storage.cairn.api.v1alpha1.GetStatusRequest.getDefaultInstance()));
    }

    /** Counts what the log has told since it was last asked. */
    synchronized void told(Effects effects) {
        try (RandomAccessFile file = new RandomAccessFile(log().toFile(), "r")) {
            if (file.length() < countedBytes) {
                countedBytes = 0;
            }
            file.seek(countedBytes);
            for (String line = file.readLine(); line != null; line = file.readLine()) {
                for (Map.Entry<String, String> sign : signs.entrySet()) {
                    effects.add(sign.getValue(), line.contains(sign.getKey()) ? 1 : 0);
                }
            }
            countedBytes = file.length();
        } catch (FileNotFoundException nothingYet) {
            return;
        } catch (IOException e) {
            throw new UncheckedIOException(log() + " cannot be read", e);
        }
    }

    /** The sum of a figure of {@code /metrics} over all its labels; 0 while the engine does not answer. */
    long figure(String name) {
        String[] address = this.place.metricsAddress().split(":", -1);
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address[0], Integer.parseInt(address[1])), METRICS_MILLIS);
            socket.setSoTimeout(METRICS_MILLIS);
            socket.getOutputStream()
                    .write("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            String text = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return text.lines()
                    .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                    .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                    .sum();
        } catch (IOException notThere) {
            return 0;
        }
    }

    /** One request; null when it was refused or not answered in time. */
    <T> @Nullable T ask(int seconds, Function<ControlBlockingStub, T> request) {
        if (!runs() || paused() || !Files.exists(Path.of(place.controlSocket()))) {
            return null;
        }
        try (ControlClient client = ControlClient.connect(place)) {
            return client.call(seconds, request);
        } catch (Failure e) {
            return null;
        }
    }
}
