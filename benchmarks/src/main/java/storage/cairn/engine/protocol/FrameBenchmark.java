package storage.cairn.engine.protocol;

import java.nio.ByteBuffer;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import storage.cairn.engine.port.Network.BadFrameException;

/** The frame of a 4 KiB write to a replica, without its payload: built, and checked and read. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class FrameBenchmark {
    private final UUID cluster = new UUID(1, 2);
    private final FrameWriter writer = new FrameWriter(cluster);
    private final FrameReader reader = new FrameReader(cluster);
    private long wseq;

    private int build() {
        wseq++;
        return writer.begin(FrameType.WRITE, wseq)
                .u64(7)
                .u64(wseq)
                .u64(wseq - 1)
                .u64(wseq & 0xffff)
                .u32(1)
                .u32((int) wseq)
                .seal(0);
    }

    @Benchmark
    public int write() {
        return build();
    }

    @Benchmark
    public long writeAndRead() throws BadFrameException {
        int length = build();
        ByteBuffer received = writer.frame().limit(length);
        reader.open(received, null);
        long sum = reader.u64() + reader.u64() + reader.u64() + reader.natural() + reader.u32() + reader.u32();
        reader.end();
        received.clear();
        return sum;
    }
}
