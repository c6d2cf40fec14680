package storage.cairn.engine.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.sim.SimRandom;

/** The extent store on a real file and on a loop device, killed by SIGKILL at random moments, again and again. */
final class StoreKillIT {
    private static final int ROUNDS = 4;
    private static final int MOST_ACKS = 3000;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"auto", "pool"})
    void everyAckedWriteIsThereAfterAKill(String io) throws Exception {
        killAgainAndAgain(folder.resolve("disk"), io);
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "pool"})
    void everyAckedWriteOnALoopDeviceIsThereAfterAKill(String io) throws Exception {
        Path image = folder.resolve("image");
        Files.write(image, new byte[CrashLoad.VOLUME_BLOCKS * 4 * BlockDevice.BLOCK_BYTES]);
        Process attaching = losetup("--find", "--show", "--sector-size", "4096", "--direct-io=on", image.toString());
        String said = new String(attaching.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assumeTrue(attaching.waitFor() == 0, () -> "skipped: no loop device can be made here: " + said);
        try {
            killAgainAndAgain(Path.of(said), io);
        } finally {
            assertThat(losetup("--detach", said).waitFor()).isZero();
        }
    }

    private static Process losetup(String... options) throws IOException {
        List<String> line = new ArrayList<>(List.of("losetup"));
        line.addAll(List.of(options));
        return new ProcessBuilder(line).redirectErrorStream(true).start();
    }

    private void killAgainAndAgain(Path disk, String io) throws Exception {
        long seed = RandomGenerator.getDefault().nextLong(1L << 40);
        SimRandom random = new SimRandom(seed);
        Path ledger = Files.createFile(folder.resolve("ledger"));
        for (int round = 1; round <= ROUNDS; round++) {
            Boot boot = new Boot(disk, ledger, io, seed + round, Long.MAX_VALUE);
            boot.runUntilAcks(1 + random.below(MOST_ACKS));
            assertThat(boot.acks)
                    .as("round %d of seed %d: %s", round, seed, boot.remarks)
                    .isPositive();
        }
        Boot last = new Boot(disk, ledger, io, seed, 0);
        assertThat(last.runUntilAcks(Integer.MAX_VALUE))
                .as("seed %d: %s", seed, last.remarks)
                .isZero();
        assertThat(last.remarks).anyMatch(line -> line.startsWith("all ") && line.contains(ROUNDS + " boots"));
    }

    /** One process that recovers, checks and writes on. */
    private static final class Boot {
        final List<String> remarks = new ArrayList<>();
        private final Path ledger;
        private final Process process;
        int acks;

        Boot(Path disk, Path ledger, String io, long seed, long operations) throws Exception {
            this.ledger = ledger;
            this.process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:+UseSerialGC",
                            "-Xmx256m",
                            "--enable-native-access=ALL-UNNAMED",
                            "--sun-misc-unsafe-memory-access=allow",
                            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("java.class.path"),
                            CrashRun.class.getName(),
                            disk.toString(),
                            "store",
                            ledger.toString(),
                            Long.toString(seed),
                            Long.toString(operations),
                            io)
                    .redirectErrorStream(true)
                    .start();
        }

        /** Kills the process after so many acks, writes its ledger down, and returns its exit code. */
        int runUntilAcks(int killAfter) throws Exception {
            List<String> lines = new ArrayList<>();
            try (BufferedReader output = process.inputReader()) {
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    if (!line.matches("(boot|acked|found) [0-9a-z ]+\\.")) {
                        remarks.add(line);
                        continue;
                    }
                    lines.add(line);
                    if (line.startsWith("acked") && ++acks == killAfter) {
                        // Not the process' own method, which closes the stream with the last lines in it.
                        process.toHandle().destroyForcibly();
                    }
                }
            } finally {
                process.destroyForcibly();
            }
            Files.write(ledger, lines, StandardOpenOption.APPEND);
            return process.waitFor();
        }
    }
}
