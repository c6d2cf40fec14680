package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import storage.cairn.api.process.Signals;
import storage.cairn.engine.port.Log.Level;

/** The engine process: reads its configuration, runs an {@link Engine} until a signal, and ends with an exit code. */
@Command(
        name = "engine",
        mixinStandardHelpOptions = true,
        description = "The engine of one storage node. It prints 'ready' once its control service answers, and ends"
                + " in order on SIGTERM; a second SIGTERM hurries it.")
public final class EngineMain implements Callable<Integer> {
    private static final int NOT_STARTED = 1;

    @Option(
            names = "--config",
            required = true,
            paramLabel = "FILE",
            description = "The engine's configuration, JSON: see docs/configuration.md.")
    private Path configFile = Path.of("engine.json");

    @Option(
            names = "--node-name",
            paramLabel = "NAME",
            defaultValue = "",
            description = "Name of the Kubernetes node, in place of kubernetes.nodeName.")
    private String nodeName = "";

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            defaultValue = "",
            description = "Address of this node for other engines, in place of kubernetes.host.")
    private String host = "";

    @Option(
            names = "--end-with-input",
            description = "End in order when standard input ends: for whoever starts it and holds the other end of"
                    + " that pipe, so that it does not outlive him.")
    private boolean endWithInput;

    @Option(
            names = "--wipe",
            description = "Destroy, this time, foreign data on the configured disks, as disks[].wipe allows for each.")
    private boolean wipe;

    private EngineMain() {}

    public static void main(String[] args) {
        Thread.setDefaultUncaughtExceptionHandler(
                (thread, failure) -> FatalStop.fatal("thread " + thread.getName() + " failed", failure));
        int code = new CommandLine(new EngineMain()).execute(args);
        Logging.stop();
        // Threads of libraries may still be about; everything that matters is closed.
        Runtime.getRuntime().halt(code);
    }

    @Override
    public Integer call() {
        Engine engine;
        try {
            EngineConfig config = ConfigLoader.engine(configFile, nodeName, host);
            Logging.start(config);
            engine = Engine.start(wipe ? config.wiping() : config);
        } catch (ConfigException | IOException e) {
            return notStarted(String.valueOf(e.getMessage()), e);
        } catch (RuntimeException e) {
            return notStarted(e.toString(), e);
        }
        Signals.onTermination(engine::stop);
        if (endWithInput) {
            Thread.ofPlatform().name("input").daemon().start(() -> awaitEndOfInput(engine));
        }
        System.out.println("ready");
        System.out.flush();
        return engine.awaitEnd();
    }

    private static void awaitEndOfInput(Engine engine) {
        try {
            while (System.in.read() >= 0) {
                continue;
            }
            EngineLog.event(Level.INFO, "InputEnded", "whoever started this engine is gone");
        } catch (IOException e) {
            EngineLog.event(Level.WARN, "InputEnded", "standard input cannot be read: " + e.getMessage());
        }
        engine.stop();
    }

    private static int notStarted(String reason, Throwable cause) {
        System.err.println("cairn engine cannot start: " + reason);
        if (cause instanceof RuntimeException) {
            cause.printStackTrace(System.err);
        }
        EngineLog.event(Level.ERROR, "EngineNotStarted", reason);
        return NOT_STARTED;
    }
}
