package storage.cairn.engine.nbd;

/**
 * Bounds of an NBD server.
 *
 * @param maxConnections connections at once; the next one is closed at once
 * @param maxHandshakes connections that have not chosen an export; at the bound the oldest of them is closed
 * @param handshakeMillis longest time until an export is chosen, not counting the time that opening it takes
 * @param openMillis longest wait for an export to open, which may include the leases of a dead owner
 * @param closeMillis longest time that a connection which is being closed may take to read its last replies
 * @param stallMillis when buffers are short: how long a client may read nothing of its replies
 * @param connectionBytes block data in memory for one connection; one request may overshoot it
 * @param gatherBytes longest read without structured replies, which is held in memory as a whole: 1 MiB to 32 MiB; the
 *     pool must have that much, and 1 MiB more, in buffers of 1 MiB
 * @param totalBytes block data in memory for all connections, at most what the pool has for hosts
 */
public record NbdSettings(
        int maxConnections,
        int maxHandshakes,
        long handshakeMillis,
        long openMillis,
        long closeMillis,
        long stallMillis,
        long connectionBytes,
        long gatherBytes,
        long totalBytes) {

    private static final long MIB = 1 << 20;

    public NbdSettings {
        if (maxConnections < 1 || maxHandshakes < 1 || maxHandshakes > maxConnections) {
            throw new IllegalArgumentException("NBD: 1 to " + maxConnections + " handshakes, not " + maxHandshakes);
        }
        if (handshakeMillis < 1 || openMillis < 1 || closeMillis < 1 || stallMillis < 1) {
            throw new IllegalArgumentException("NBD: a time limit below 1 ms");
        }
        if (connectionBytes < 2 * MIB || totalBytes < connectionBytes) {
            throw new IllegalArgumentException("NBD: memory limits are at least 2 MiB a connection and no less in"
                    + " total, not " + connectionBytes + " and " + totalBytes + " bytes");
        }
        if (gatherBytes < MIB || gatherBytes > NbdWire.MAX_PAYLOAD_BYTES || gatherBytes + MIB > totalBytes) {
            throw new IllegalArgumentException("NBD: reads in one piece of 1 MiB to 32 MiB, not " + gatherBytes);
        }
    }

    /** Limits for a pool of {@code poolBytes} (at least 8 MiB) for hosts, half of it in buffers of 1 MiB. */
    public static NbdSettings forPool(long poolBytes) {
        long gatherBytes = Math.clamp(poolBytes / 4 / MIB * MIB, MIB, NbdWire.MAX_PAYLOAD_BYTES);
        long connectionBytes = Math.clamp(poolBytes / 2, 2 * MIB, 16 * MIB);
        return new NbdSettings(1024, 256, 30_000, 90_000, 5_000, 30_000, connectionBytes, gatherBytes, poolBytes);
    }
}
