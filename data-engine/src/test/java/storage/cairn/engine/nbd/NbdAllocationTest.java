package storage.cairn.engine.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.netty.util.ResourceLeakDetector;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.engine.io.EngineLoop;

/** What the server allocates for each command when it runs evenly: a ceiling that was measured, not wished for. */
class NbdAllocationTest {
    private static final int ROUNDS = 2000;

    private final ResourceLeakDetector.Level before = ResourceLeakDetector.getLevel();

    @TempDir
    Path folder;

    /** Tests run with paranoid leak detection, which allocates a trace for each use of a buffer. */
    @BeforeEach
    void asInProduction() {
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.DISABLED);
    }

    @AfterEach
    void asInTests() {
        ResourceLeakDetector.setLevel(before);
    }

    @ParameterizedTest
    @CsvSource({"false, READ", "false, WRITE", "true, READ", "true, WRITE"})
    void commandsAllocateNextToNothing(boolean uring, NbdMetrics.Command command) throws Exception {
        EngineLoop.Setting setting = uring ? EngineLoop.Setting.IO_URING : EngineLoop.Setting.POOL;
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        InstantNbd nbd;
        try {
            nbd = new InstantNbd(setting, folder.resolve("nbd.sock"));
        } catch (IllegalStateException e) {
            org.junit.jupiter.api.Assumptions.abort("skipped: " + e.getMessage());
            return;
        }
        try {
            InstantNbd.Batch batch = InstantNbd.batch(command);
            nbd.exchange(batch, 3 * ROUNDS);
            long bytes = threads.getThreadAllocatedBytes(nbd.threadId());
            long cpu = threads.getThreadCpuTime(nbd.threadId());
            long start = System.nanoTime();
            nbd.exchange(batch, ROUNDS);
            double commands = (double) InstantNbd.DEPTH * ROUNDS;
            double each = (threads.getThreadAllocatedBytes(nbd.threadId()) - bytes) / commands;
            double micros = (threads.getThreadCpuTime(nbd.threadId()) - cpu) / commands / 1000;
            double perSecond = commands / (System.nanoTime() - start) * 1e9;
            System.out.printf(
                    "%s on %s: %.1f B, %.2f us of CPU a command, %.0f/s%n",
                    command, nbd.mode(), each, micros, perSecond);
            assertThat(each).isLessThan(command == NbdMetrics.Command.WRITE ? 50 : 100);
        } finally {
            nbd.stop();
        }
    }
}
