package storage.cairn.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import storage.cairn.cli.cluster.EngineCommand;

/** Runs commands as a user does, and keeps what they print. */
final class Cli {
    private final Path dataDir;
    private final EngineCommand engine;

    /** With an engine that is quickly there and does nothing. */
    Cli(Path dataDir) {
        this(dataDir, fakeEngine());
    }

    Cli(Path dataDir, EngineCommand engine) {
        this.dataDir = dataDir;
        this.engine = engine;
    }

    record Outcome(int exitCode, String out, String err) {
        JsonNode json() {
            try {
                return new ObjectMapper().readTree(out);
            } catch (JsonProcessingException e) {
                throw new AssertionError("not JSON: " + out, e);
            }
        }
    }

    /** The engine of this build, with its JVM's quick compiler only: most of them end before the other one pays off. */
    static EngineCommand engineOfThisBuild() {
        EngineCommand real = EngineCommand.ofThisBuild();
        List<String> options = new ArrayList<>(real.options());
        options.add("-XX:TieredStopAtLevel=1");
        return new EngineCommand(real.java(), options, real.classPath(), real.mainClass());
    }

    /** The engine of these tests, as a process. */
    static EngineCommand fakeEngine() {
        return new EngineCommand(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"),
                System.getProperty("java.class.path"),
                FakeEngine.class.getName());
    }

    Outcome run(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = Cairn.commandLine(engine);
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--data-dir");
        all.add(dataDir.toString());
        int exitCode = line.execute(all.toArray(String[]::new));
        return new Outcome(exitCode, out.toString(), err.toString());
    }
}
