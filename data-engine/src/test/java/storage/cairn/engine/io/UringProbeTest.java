package storage.cairn.engine.io;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class UringProbeTest {
    @Test
    void saysInWordsWhyIoUringCannotBeUsed() {
        assertThat(UringProbe.explain(new RuntimeException("Operation not permitted"), "0"))
                .contains("seccomp");
        assertThat(UringProbe.explain(new RuntimeException("Operation not permitted"), "2"))
                .contains("kernel.io_uring_disabled = 2");
        assertThat(UringProbe.explain(new RuntimeException("x", new RuntimeException("Cannot allocate memory")), ""))
                .contains("locked memory");
        assertThat(UringProbe.explain(new RuntimeException("Function not implemented"), ""))
                .contains("has no io_uring");
        assertThat(UringProbe.explain(null, "")).contains("cannot be used");
    }
}
