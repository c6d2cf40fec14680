package storage.cairn.cli;

import java.nio.file.Path;
import java.util.List;
import storage.cairn.cli.cluster.EngineCommand;

/** The cairn command with engines that are not real: their main class is the first argument. */
final class FakeDemo {
    public static void main(String[] args) {
        EngineCommand engine = new EngineCommand(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"),
                System.getProperty("java.class.path"),
                args[0]);
        System.exit(Cairn.commandLine(engine)
                .execute(List.of(args).subList(1, args.length).toArray(String[]::new)));
    }

    private FakeDemo() {}
}
