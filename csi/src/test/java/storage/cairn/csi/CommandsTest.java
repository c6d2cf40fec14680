package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CommandsTest {
    @Test
    void whatAProgramSaysAndHowItEndedIsAnswered() {
        Commands.Result result = Commands.run("sh", "-c", "echo out; echo err >&2; exit 3");
        assertThat(result.exitCode()).isEqualTo(3);
        assertThat(result.output()).isEqualTo("out\nerr");
    }

    @Test
    void aProgramThatDoesNotEndIsEnded() {
        assertThatThrownBy(() -> Commands.run(1, "sleep", "50")).hasMessageContaining("did not end within 1 s");
    }

    @Test
    void aChildThatHoldsTheOutputOpenIsNotWaitedFor(@TempDir Path folder) throws IOException {
        Path fifo = folder.resolve("fifo");
        Commands.must("mkfifo", fifo.toString());
        Commands.Result result = Commands.run("sh", "-c", "echo said; cat '" + fifo + "' & exit 4");
        assertThat(result.exitCode()).isEqualTo(4);
        assertThat(result.output()).isEqualTo("said");
        // It has been there all the time, and ends now.
        Files.writeString(fifo, "");
    }

    @Test
    void ofAProgramThatSaysTooMuchTheBeginningIsKept() {
        Commands.Result result = Commands.run("sh", "-c", "echo first; head -c 1000000 /dev/zero | tr '\\0' x");
        assertThat(result.output()).startsWith("first\nxxx").hasSize(64 << 10);
    }
}
