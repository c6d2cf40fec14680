package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import storage.cairn.engine.port.Buffer;

/** The record of a 4 KiB write in a journal block: written and read; and an extent page, sealed and verified. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@NullUnmarked // JMH calls the set-up first.
public class CodecBenchmark {
    private static final int RECORDS = 64;
    private static final int JOURNAL = 0;
    private static final int EXTENT = 1;

    private final int recordBytes = JournalRecord.writeBytes(1, 1);
    private Mem mem;
    private Layout layout;
    private JournalRecord reader;

    @Setup(Level.Trial)
    public void make() throws StoreException {
        mem = new Mem(new Pages(2));
        layout = Layout.of(1 << 20);
        reader = new JournalRecord(mem, layout);
        encodeRecords();
        JournalBlock.seal(mem, JOURNAL, 1, 1, 0, 0, RECORDS, JournalBlock.HEADER + RECORDS * recordBytes, 0);
        ExtentPage.init(mem, EXTENT, ExtentPage.ZERO, 0);
        for (int i = 0; i < Replica.EXTENT_BLOCKS; i++) {
            ExtentPage.set(mem, EXTENT, i, layout.firstSlot() + i, i, 1, i);
        }
    }

    @Benchmark
    @OperationsPerInvocation(RECORDS)
    public void encodeRecords() {
        for (int i = 0; i < RECORDS; i++) {
            encode(i);
        }
    }

    private void encode(int i) {
        int at = Mem.at(JOURNAL) + JournalBlock.HEADER + i * recordBytes;
        JournalRecord.head(mem, at, JournalRecord.WRITE, 0, recordBytes, 1, i + 1);
        JournalRecord.extent(mem, at, 1, 1, 1, 0, i, 1);
        JournalRecord.run(mem, at, 0, layout.firstSlot() + i, 1);
        JournalRecord.writeCrc(mem, at, 1, 0, i);
    }

    /** All records of the block, as replay reads them, with their checks. */
    @Benchmark
    @OperationsPerInvocation(RECORDS)
    public long decodeRecords() throws StoreException {
        long sum = 0;
        reader.reset(JOURNAL);
        while (reader.next()) {
            sum += reader.wseq() + reader.epoch() + reader.block() + reader.runSlot(0) + reader.crc(0);
        }
        return sum;
    }

    @Benchmark
    public void sealExtentPage() {
        ExtentPage.seal(mem, EXTENT, 1, 0, 1, 1);
    }

    @Benchmark
    public boolean verifyExtentPage() {
        return ExtentPage.valid(mem, EXTENT, 1, 0, layout);
    }

    /** Memory that nobody shares. */
    private static final class Pages extends Buffer {
        Pages(int pages) {
            super(ByteBuffer.allocateDirect(pages * Mem.PAGE));
            handOut();
        }

        @Override
        protected void recycle() {}
    }
}
