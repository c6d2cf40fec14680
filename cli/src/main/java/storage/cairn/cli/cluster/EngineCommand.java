package storage.cairn.cli.cluster;

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

    public EngineCommand {
        options = List.copyOf(options);
    }

    /** The engine of this build, on the same JDK as this process. */
    public static EngineCommand ofThisBuild() {
        return new EngineCommand(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                List.of(
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-XX:+UseZGC",
                        "-Xms64m",
                        "-Xmx256m",
                        "-XX:MaxDirectMemorySize=768m",
                        "-XX:+ExitOnOutOfMemoryError"),
                System.getProperty("java.class.path"),
                MAIN_CLASS);
    }

    List<String> line(Path engineFile) {
        List<String> line = new ArrayList<>();
        line.add(java.toString());
        line.addAll(options);
        line.addAll(List.of("-cp", classPath, mainClass, "--config", engineFile.toString()));
        return line;
    }
}
