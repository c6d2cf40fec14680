package storage.cairn.engine.nbd;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import storage.cairn.engine.io.EngineLoop;

/**
 * NBD commands of 4 KiB over a unix socket, 32 in one write, parsed and answered by the real server in front of a
 * volume that is done at once. The time is that of both ends together.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@NullUnmarked // JMH calls the set-up first.
public class NbdBenchmark {
    @Param({"POOL", "IO_URING"})
    public EngineLoop.Setting io;

    @Param({"READ", "WRITE"})
    public NbdMetrics.Command command;

    private Path folder;
    private InstantNbd nbd;
    private InstantNbd.Batch batch;

    @Setup(Level.Trial)
    public void start() throws Exception {
        folder = Files.createTempDirectory("cairn-nbd-");
        nbd = new InstantNbd(io, folder.resolve("socket"));
        batch = InstantNbd.batch(command);
    }

    @TearDown(Level.Trial)
    public void stop() throws Exception {
        nbd.stop();
        Files.deleteIfExists(folder.resolve("socket"));
        Files.delete(folder);
    }

    @Benchmark
    @OperationsPerInvocation(InstantNbd.DEPTH)
    public void commands() throws IOException {
        nbd.exchange(batch, 1);
    }
}
