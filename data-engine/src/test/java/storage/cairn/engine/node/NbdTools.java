package storage.cairn.engine.node;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** NBD clients of others, as tests use them. */
final class NbdTools {
    private static final Duration LONG = Duration.ofMinutes(3);

    private NbdTools() {}

    static void require() {
        Tool.require("nbdsh", "libnbd-bin and python3-libnbd");
        Tool.require("nbdinfo", "libnbd-bin");
        Tool.require("fio", "fio");
    }

    /** Runs Python with an NBD handle {@code h} connected to {@code uri}. */
    static String shell(Path folder, String uri, String python) throws Exception {
        return Tool.run(folder, LONG, "nbdsh", "--uri", uri, "-c", python);
    }

    /** A load of fio with its verification; further options as they come. */
    static Tool fio(Path folder, String uri, String... options) throws IOException {
        List<String> line = new java.util.ArrayList<>(List.of(
                "fio",
                "--name=load",
                "--ioengine=nbd",
                "--uri=" + uri,
                "--verify=crc32c",
                "--verify_fatal=1",
                "--verify_state_save=0",
                "--randrepeat=1",
                "--aux-path=" + folder));
        line.addAll(List.of(options));
        return Tool.start(folder, line);
    }

    /**
     * Writes for a while whatever happens to the connections, then reads every acked write back.
     *
     * @param longestSeconds that one write may take
     */
    static Tool ackedWriter(Path folder, List<String> uris, int seconds, int blocks, int longestSeconds)
            throws IOException {
        Path script = folder.resolve("acked_writer.py");
        try (InputStream in = NbdTools.class.getResourceAsStream("acked_writer.py")) {
            if (in == null) {
                throw new IllegalStateException("acked_writer.py is not on the class path");
            }
            Files.write(script, in.readAllBytes());
        }
        return Tool.start(
                folder,
                "env",
                "URIS=" + String.join(" ", uris),
                "SECONDS=" + seconds,
                "BLOCKS=" + blocks,
                "STALL=" + longestSeconds,
                "nbdsh",
                "-c",
                "exec(open('" + script.toString().replace("'", "") + "', encoding='" + StandardCharsets.UTF_8.name()
                        + "').read())");
    }
}
