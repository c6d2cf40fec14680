package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.ThreadClock;

final class ShutdownTest {
    private static final Duration LONG = Duration.ofMinutes(3);

    private final ThreadClock loop = new ThreadClock();

    @AfterEach
    void close() {
        loop.close();
    }

    @Test
    void aStepThatEndsGivesItsOutcome() {
        Shutdown shutdown = new Shutdown(LONG);
        shutdown.begin();
        assertThat(shutdown.<String>step("a", loop, "late", done -> done.accept("done")))
                .isEqualTo("done");
        assertThat(shutdown.complete()).isTrue();
    }

    @Test
    void aStepThatDoesNotEndIsGivenUpWhenTheTimeIsOver() {
        Shutdown shutdown = new Shutdown(Duration.ofMillis(50));
        shutdown.begin();
        assertThat(shutdown.<String>step("a", loop, "late", done -> {})).isEqualTo("late");
        assertThat(shutdown.complete()).isFalse();
    }

    @Test
    void whoHurriesCutsTheStepThatRunsAndSkipsTheNextButNotTheLast() {
        Shutdown shutdown = new Shutdown(LONG);
        shutdown.begin();
        List<String> begun = new ArrayList<>();
        Consumer<Consumer<String>> hurrying = done -> {
            begun.add("first");
            shutdown.hurry();
        };
        assertThat(shutdown.step("first", loop, "cut", hurrying)).isEqualTo("cut");
        assertThat(shutdown.<String>step("second", loop, "skipped", done -> begun.add("second")))
                .isEqualTo("skipped");
        assertThat(shutdown.<String>lastStep("last", loop, "late", done -> done.accept("closed")))
                .isEqualTo("closed");
        assertThat(begun).containsExactly("first");
        assertThat(shutdown.complete()).isFalse();
    }
}
