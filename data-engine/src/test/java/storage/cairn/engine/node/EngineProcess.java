package storage.cairn.engine.node;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.ControlGrpc;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;

/** One engine as a real process on the class path of the test, with its control client. */
final class EngineProcess implements AutoCloseable {
    private static final Duration START = Duration.ofMinutes(3);
    private static final MultiThreadIoEventLoopGroup CLIENTS =
            new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

    private final int node;
    private final Path folder;
    private final Path controlSocket;
    private final List<String> options;
    private @Nullable Process process;
    private @Nullable ManagedChannel channel;

    /**
     * @param folder of the node, with its engine.json
     * @param options further options of the JVM, which compiles with its quick compiler only unless they say other things
     */
    EngineProcess(int node, Path folder, Path controlSocket, List<String> options) {
        this.node = node;
        this.folder = folder;
        this.controlSocket = controlSocket;
        this.options = options;
    }

    /** Starts the process and does not wait until it is ready. */
    void launch(String... arguments) {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(jvmArguments());
        line.add("-XX:TieredStopAtLevel=1");
        line.addAll(options);
        line.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                "storage.cairn.engine.node.EngineMain",
                "--config",
                folder.resolve("engine.json").toString()));
        line.addAll(List.of(arguments));
        try {
            Files.deleteIfExists(output());
            process = new ProcessBuilder(line)
                    .directory(folder.toFile())
                    .redirectInput(new File("/dev/null"))
                    .redirectOutput(output().toFile())
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void start() {
        launch();
        awaitReady();
    }

    void awaitReady() {
        Awaitility.await("engine " + node + " ready").atMost(START).until(() -> {
            if (!alive()) {
                throw new AssertionError("engine " + node + " ended with " + exitCode() + "\n" + said());
            }
            return said().lines().anyMatch("ready"::equals);
        });
    }

    private static List<String> jvmArguments() {
        try (InputStream in = EngineProcess.class.getResourceAsStream("/engine.jvmargs")) {
            if (in == null) {
                throw new IllegalStateException("engine.jvmargs is not on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path output() {
        return folder.resolve("output");
    }

    /** What it wrote to standard output and standard error. */
    String said() {
        return read(output());
    }

    String log() {
        return read(folder.resolve("engine.log"));
    }

    private static String read(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Process process() {
        Process running = process;
        if (running == null) {
            throw new IllegalStateException("engine " + node + " was not started");
        }
        return running;
    }

    boolean alive() {
        return process != null && process.isAlive();
    }

    int exitCode() {
        return process().exitValue();
    }

    Path folder() {
        return folder;
    }

    /** SIGKILL, and waits for the end. */
    void kill() throws InterruptedException {
        process().destroyForcibly().waitFor();
        disconnect();
    }

    /** SIGTERM; answers the exit code. */
    int terminate(Duration atMost) throws InterruptedException {
        process().destroy();
        return awaitEnd(atMost);
    }

    int awaitEnd(Duration atMost) throws InterruptedException {
        if (!process().waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError("engine " + node + " still runs after " + atMost + "\n" + log());
        }
        disconnect();
        return exitCode();
    }

    /** SIGSTOP: it stands still and knows nothing of it. */
    void pause() {
        signal("STOP");
    }

    void resume() {
        signal("CONT");
    }

    void signal(String name) {
        try {
            int code = new ProcessBuilder(
                            "kill", "-" + name, Long.toString(process().pid()))
                    .inheritIO()
                    .start()
                    .waitFor();
            if (code != 0) {
                throw new IllegalStateException("kill -" + name + " ended with " + code);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Its control service, with a deadline for each call. */
    ControlGrpc.ControlBlockingStub control() {
        ManagedChannel open = channel;
        if (open == null) {
            open = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(controlSocket))
                    .channelType(NioDomainSocketChannel.class)
                    .eventLoopGroup(CLIENTS)
                    .overrideAuthority("localhost")
                    .usePlaintext()
                    .build();
            channel = open;
        }
        return ControlGrpc.newBlockingStub(open).withDeadlineAfter(2, TimeUnit.MINUTES);
    }

    /** Makes a volume, once this engine has heard of as many disks as that needs. */
    void createVolume(CreateVolumeRequest request) {
        Awaitility.await("volume " + request.getName()).until(() -> {
            try {
                control().createVolume(request);
                return true;
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.RESOURCE_EXHAUSTED) {
                    throw e;
                }
                return false;
            }
        });
    }

    private void disconnect() {
        if (channel != null) {
            channel.shutdownNow();
            channel = null;
        }
    }

    @Override
    public void close() {
        disconnect();
        if (process != null) {
            process.destroyForcibly();
            process.onExit().join();
        }
    }
}
