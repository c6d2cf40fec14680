package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What cannot be trusted any more ends at once, and says why. */
final class FatalStopIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final int OUT_OF_MEMORY = 3;

    @TempDir
    Path folder;

    /** A process that fails in the way its argument names. */
    static final class Failing {
        private Failing() {}

        public static void main(String[] args) throws InterruptedException {
            Thread.setDefaultUncaughtExceptionHandler(
                    (thread, failure) -> FatalStop.fatal("thread " + thread.getName() + " failed", failure));
            Thread thread = new Thread(
                    () -> {
                        if (args[0].equals("assertion")) {
                            throw new IllegalStateException("block 7 is mapped twice");
                        }
                        List<byte[]> all = new ArrayList<>();
                        while (true) {
                            all.add(new byte[1 << 20]);
                        }
                    },
                    "worker");
            thread.start();
            thread.join();
        }
    }

    private Tool fail(String how) throws Exception {
        return Tool.start(
                folder,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-XX:+ExitOnOutOfMemoryError",
                "-cp",
                System.getProperty("java.class.path"),
                Failing.class.getName(),
                how);
    }

    @Test
    void aBrokenAssertionEndsTheProcessAndNamesItself() throws Exception {
        try (Tool failing = fail("assertion")) {
            assertThat(failing.end(SOON)).isEqualTo(FatalStop.EXIT_CODE);
            assertThat(failing.said()).contains("thread worker failed").contains("block 7 is mapped twice");
        }
    }

    @Test
    void exhaustedMemoryEndsTheProcess() throws Exception {
        try (Tool failing = fail("memory")) {
            assertThat(failing.end(SOON)).isEqualTo(OUT_OF_MEMORY);
        }
    }
}
