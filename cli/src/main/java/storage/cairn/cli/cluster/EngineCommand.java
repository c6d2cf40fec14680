package storage.cairn.cli.cluster;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How an engine process is started.
 *
 * @param java the binary
 * @param options of the JVM
 * @param classPath of the engine
 * @param mainClass of the engine
 */
public record EngineCommand(Path java, List<String> options, String classPath, String mainClass) {
    public static final String MAIN_CLASS = "storage.cairn.engine.node.EngineMain";

    private static final String OPTIONS = "/engine.jvmargs";
    /** Where the launcher keeps what an engine's JVM had loaded in a trial, which halves its start. */
    private static final String AOT = "cairn.engine.aot";
    /** Where an engine's JVM is to write that at its end. */
    private static final String AOT_OUTPUT = "cairn.engine.aotOutput";

    public EngineCommand {
        options = List.copyOf(options);
    }

    /** The engine of this build, on the same JDK as this process. */
    public static EngineCommand ofThisBuild() {
        return new EngineCommand(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                engineOptions(),
                System.getProperty("java.class.path"),
                MAIN_CLASS);
    }

    /** What an engine's JVM needs; the engine's own jar says it. */
    private static List<String> engineOptions() {
        try (InputStream in = EngineCommand.class.getResourceAsStream(OPTIONS)) {
            if (in == null) {
                throw new IllegalStateException(
                        "the engine's jar, with " + OPTIONS + " in it, is not on the class path");
            }
            List<String> options = new ArrayList<>();
            String given = System.getProperty(AOT_OUTPUT);
            String known = System.getProperty(AOT);
            if (given != null) {
                options.add("-XX:AOTCacheOutput=" + given);
            } else if (known != null) {
                options.add("-XX:AOTCache=" + known);
            }
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank())
                    .forEach(options::add);
            return options;
        } catch (IOException e) {
            throw new UncheckedIOException(OPTIONS + " cannot be read", e);
        }
    }

    /**
     * @param tied whether it ends when its standard input does
     * @param wipe whether it may destroy foreign data on its disks
     */
    List<String> line(Path engineFile, boolean tied, boolean wipe) {
        List<String> line = new ArrayList<>();
        line.add(java.toString());
        line.addAll(options);
        line.addAll(List.of("-cp", classPath, mainClass, "--config", engineFile.toString()));
        if (tied) {
            line.add("--end-with-input");
        }
        if (wipe) {
            line.add("--wipe");
        }
        return line;
    }
}
