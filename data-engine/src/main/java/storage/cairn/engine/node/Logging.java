package storage.cairn.engine.node;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.builder.api.AppenderComponentBuilder;
import org.apache.logging.log4j.core.config.builder.api.ConfigurationBuilder;
import org.apache.logging.log4j.core.config.builder.api.ConfigurationBuilderFactory;
import org.apache.logging.log4j.core.config.builder.impl.BuiltConfiguration;

/**
 * Sets log4j up: {@code key=value} lines into a file that rolls at 16 MiB and keeps five older ones, written by a thread
 * of its own, so that the event loop never waits for a log. When that thread falls behind, lines are dropped.
 */
final class Logging {
    static final String STANDARD_OUTPUT = "-";

    private static final String PATTERN = "time=%d{ISO8601_OFFSET_DATE_TIME_HHCMM} level=%p thread=%t %m%n";
    private static final String ROLL_AT = "16MB";
    private static final int KEPT_FILES = 5;
    private static final int QUEUED_LINES = 4_096;
    private static final long FLUSH_MILLIS = 2_000;

    private Logging() {}

    static void start(EngineConfig config) {
        String file = config.logFile().isEmpty()
                ? Path.of(config.dataDir(), "engine.log").toString()
                : config.logFile();
        ConfigurationBuilder<BuiltConfiguration> builder = ConfigurationBuilderFactory.newConfigurationBuilder();
        builder.setStatusLevel(Level.WARN).setConfigurationName("cairn-engine");
        AppenderComponentBuilder target = file.equals(STANDARD_OUTPUT)
                ? builder.newAppender("target", "Console")
                : builder.newAppender("target", "RollingFile")
                        .addAttribute("fileName", file)
                        .addAttribute("filePattern", file + ".%i")
                        .addComponent(builder.newComponent("Policies")
                                .addComponent(builder.newComponent("SizeBasedTriggeringPolicy")
                                        .addAttribute("size", ROLL_AT)))
                        .addComponent(builder.newComponent("DefaultRolloverStrategy")
                                .addAttribute("fileIndex", "min")
                                .addAttribute("max", KEPT_FILES));
        builder.add(target.add(builder.newLayout("PatternLayout").addAttribute("pattern", PATTERN)));
        builder.add(builder.newAppender("async", "Async")
                .addAttribute("blocking", false)
                .addAttribute("bufferSize", QUEUED_LINES)
                .addAttribute("shutdownTimeout", FLUSH_MILLIS)
                .addComponent(builder.newAppenderRef("target")));
        Level level = Level.valueOf(config.logLevel().name());
        for (String ours : new String[] {"cairn", "storage.cairn"}) {
            builder.add(builder.newLogger(ours, level)
                    .addAttribute("additivity", false)
                    .add(builder.newAppenderRef("async")));
        }
        // gRPC asks unix sockets for TCP's keep-alive, and Netty warns of it for each connection.
        builder.add(builder.newLogger("io.netty.bootstrap", Level.ERROR)
                .addAttribute("additivity", false)
                .add(builder.newAppenderRef("async")));
        builder.add(builder.newRootLogger(Level.WARN).add(builder.newAppenderRef("async")));
        LoggerContext context = Configurator.initialize(builder.build());
        context.start();
    }

    /** Writes out what is queued, for at most 2 s, and ends logging. */
    static void stop() {
        if (LogManager.getContext(false) instanceof LoggerContext context) {
            context.stop(FLUSH_MILLIS, TimeUnit.MILLISECONDS);
        }
    }
}
