package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

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
    void aChildThatHoldsTheOutputOpenIsNotWaitedFor() {
        assertThatThrownBy(() -> Commands.run("sh", "-c", "sleep 20 &")).hasMessageContaining("left a process behind");
    }
}
