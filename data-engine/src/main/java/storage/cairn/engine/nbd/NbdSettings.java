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
        long totalBytes) {

    public NbdSettings {
        if (maxConnections < 1 || maxHandshakes < 1 || maxHandshakes > maxConnections) {
            throw new IllegalArgumentException("NBD: 1 to " + maxConnections + " handshakes, not " + maxHandshakes);
        }
        if (handshakeMillis < 1 || openMillis < 1 || closeMillis < 1 || stallMillis < 1) {
            throw new IllegalArgumentException("NBD: a time limit below 1 ms");
        }
        if (connectionBytes < 2 << 20 || totalBytes < connectionBytes) {
            throw new IllegalArgumentException("NBD: memory limits are at least 2 MiB a connection and no less in"
                    + " total, not " + connectionBytes + " and " + totalBytes + " bytes");
        }
    }

    /** Limits for a pool that has {@code poolBytes} (at least 2 MiB) for hosts. */
    public static NbdSettings forPool(long poolBytes) {
        return new NbdSettings(
                1024,
                256,
                30_000,
                90_000,
                5_000,
                30_000,
                Math.max(2 << 20, Math.min(poolBytes / 2, 16 << 20)),
                poolBytes);
    }
}
