package storage.cairn.engine.port;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The checksum of a header, a block and a long write. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Crc32cBenchmark {
    private final ByteBuffer data = ByteBuffer.allocateDirect(131_072);

    @Param({"44", "4096", "131072"})
    public int bytes;

    @Benchmark
    public int of() {
        return Crc32c.of(data, 0, bytes);
    }
}
