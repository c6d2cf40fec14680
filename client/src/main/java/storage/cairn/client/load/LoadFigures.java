package storage.cairn.client.load;

import org.HdrHistogram.Histogram;

/**
 * What a load did in some time.
 *
 * @param seconds that time
 * @param reads reads that ended well
 * @param writes writes that were acked
 * @param readBytes their bytes
 * @param writtenBytes their bytes
 * @param errors requests that ended with an error
 * @param resends requests that were sent again on another connection
 * @param readMicros latencies of reads
 * @param writeMicros latencies of writes, with all attempts
 * @param longestStallMillis longest time in which writes were under way and none was acked, also the one that lasts
 */
public record LoadFigures(
        double seconds,
        long reads,
        long writes,
        long readBytes,
        long writtenBytes,
        long errors,
        long resends,
        Histogram readMicros,
        Histogram writeMicros,
        long longestStallMillis) {

    private static final double MIB = 1 << 20;

    public double readIops() {
        return reads / seconds;
    }

    public double writeIops() {
        return writes / seconds;
    }

    public double readMibPerSecond() {
        return readBytes / seconds / MIB;
    }

    public double writeMibPerSecond() {
        return writtenBytes / seconds / MIB;
    }

    /** The longest single request in milliseconds. */
    public double longestRequestMillis() {
        return Math.max(readMicros.getMaxValue(), writeMicros.getMaxValue()) / 1000.0;
    }
}
