package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The kernel's nbd driver, in a guest, on an attached volume of engines of this machine. */
@Timeout(value = 22, unit = TimeUnit.MINUTES)
final class KernelAttachIT {
    private static final Path GUEST =
            Path.of("..", "e2e", "guest").toAbsolutePath().normalize();
    /** Of the guest's commands: it cannot be had or run here. */
    private static final int BROKEN = 125;

    @TempDir
    private Path temporary = Path.of("");

    @Test
    void aMountedFilesystemOnAKernelNbdDeviceGoesOnAtAnotherNodeWhenTheOwnerDies() throws Exception {
        assumeFalse("off".equals(System.getenv("CAIRN_GUEST")), "skipped: CAIRN_GUEST=off");
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "skipped: the guest runs on x86_64 only");
        Path log = temporary.resolve("log");
        ProcessBuilder builder = new ProcessBuilder(GUEST.resolve("attach").toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        boolean ended = process.waitFor(20, TimeUnit.MINUTES);
        if (!ended) {
            // In order, so that it takes engines and guest with it.
            process.destroy();
            process.waitFor(1, TimeUnit.MINUTES);
        }
        String said = Files.readString(log);
        assumeFalse(ended && process.exitValue() == BROKEN, () -> "skipped: no guest: " + said);
        assertThat(ended).as(said).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
        assertThat(said)
                .contains("attached: nbd /dev/nbd0")
                .contains("went on at another node")
                .contains("ext4 is clean")
                .contains("detached, and nothing is left");
    }
}
