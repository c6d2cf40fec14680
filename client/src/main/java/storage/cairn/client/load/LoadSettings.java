package storage.cairn.client.load;

/**
 * What a verifying load does.
 *
 * @param volume name of the volume, written into every block
 * @param run number of this run, written into every block; no two runs on a volume may share it
 * @param seed what the choice of blocks is derived from
 * @param offsetBytes where the used range begins, a multiple of 4,096
 * @param lengthBytes how long it is, a multiple of 4,096; 0: to the end of the volume
 * @param ioBytes size of a request, a multiple of 4,096, up to 1 MiB
 * @param connections NBD connections, each with a thread and a part of the range of its own
 * @param depth requests under way on each connection
 * @param writePercent share of writes, 0 to 100
 * @param opsPerSecond most requests a second of all connections together; 0: as fast as it goes
 * @param blank whether the range is known to read as zeroes at the start
 * @param deadlineMillis how long no node may serve the volume before the load gives up
 */
public record LoadSettings(
        String volume,
        long run,
        long seed,
        long offsetBytes,
        long lengthBytes,
        int ioBytes,
        int connections,
        int depth,
        int writePercent,
        int opsPerSecond,
        boolean blank,
        long deadlineMillis) {

    static final int MAX_IO_BYTES = 1 << 20;

    public LoadSettings {
        require(offsetBytes >= 0 && offsetBytes % BlockStamp.BYTES == 0, "offset", offsetBytes);
        require(lengthBytes >= 0 && lengthBytes % BlockStamp.BYTES == 0, "length", lengthBytes);
        require(
                ioBytes >= BlockStamp.BYTES && ioBytes <= MAX_IO_BYTES && ioBytes % BlockStamp.BYTES == 0,
                "I/O size",
                ioBytes);
        require(connections >= 1 && connections <= 64, "connections", connections);
        require(depth >= 1 && depth <= 1024, "depth", depth);
        require(writePercent >= 0 && writePercent <= 100, "write share", writePercent);
        require(opsPerSecond >= 0, "rate", opsPerSecond);
        require(deadlineMillis > 0, "deadline", deadlineMillis);
    }

    private static void require(boolean holds, String what, long value) {
        if (!holds) {
            throw new IllegalArgumentException("verifying load: " + what + " " + value + " is out of its range");
        }
    }

    /** Half reads, half writes of 4 KiB in depth 32 over a blank volume, as fast as it goes. */
    public static LoadSettings of(String volume, long seed) {
        return new LoadSettings(volume, seed, seed, 0, 0, BlockStamp.BYTES, 1, 32, 50, 0, true, 120_000);
    }

    public LoadSettings withIo(int newIoBytes, int newConnections, int newDepth) {
        return new LoadSettings(
                volume,
                run,
                seed,
                offsetBytes,
                lengthBytes,
                newIoBytes,
                newConnections,
                newDepth,
                writePercent,
                opsPerSecond,
                blank,
                deadlineMillis);
    }

    public LoadSettings withMix(int newWritePercent, int newOpsPerSecond) {
        return new LoadSettings(
                volume,
                run,
                seed,
                offsetBytes,
                lengthBytes,
                ioBytes,
                connections,
                depth,
                newWritePercent,
                newOpsPerSecond,
                blank,
                deadlineMillis);
    }

    public LoadSettings withRange(long newOffsetBytes, long newLengthBytes) {
        return new LoadSettings(
                volume,
                run,
                seed,
                newOffsetBytes,
                newLengthBytes,
                ioBytes,
                connections,
                depth,
                writePercent,
                opsPerSecond,
                blank,
                deadlineMillis);
    }

    public LoadSettings withDeadlineMillis(long newDeadlineMillis) {
        return new LoadSettings(
                volume,
                run,
                seed,
                offsetBytes,
                lengthBytes,
                ioBytes,
                connections,
                depth,
                writePercent,
                opsPerSecond,
                blank,
                newDeadlineMillis);
    }
}
