package storage.cairn.client.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ToolsTest {
    @Test
    void aProgramThatDoesNotEndIsGivenUpWithWhatItSaid() {
        assertThatThrownBy(() -> Tools.run(1, "sh", "-c", "echo so far; exec sleep 60"))
                .isInstanceOf(AttachException.class)
                .hasMessageContaining("did not end within 1 s")
                .hasMessageContaining("so far");
    }

    @Test
    void aProgramThatLeavesAnotherBehindIsNotWaitedForAnyLonger() {
        Tools.Result result = Tools.run(10, "sh", "-c", "sleep 60 & echo $!");
        assertThat(result.ok()).isTrue();
        assertThat(ProcessHandle.of(Long.parseLong(result.output())).map(ProcessHandle::destroyForcibly))
                .contains(true);
    }
}
