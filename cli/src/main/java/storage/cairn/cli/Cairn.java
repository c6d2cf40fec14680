package storage.cairn.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code cairn} command. */
@Command(name = "cairn", description = "Replicated block storage.", mixinStandardHelpOptions = true)
final class Cairn {
    public static void main(String[] args) {
        System.exit(new CommandLine(new Cairn()).execute(args));
    }

    private Cairn() {}
}
