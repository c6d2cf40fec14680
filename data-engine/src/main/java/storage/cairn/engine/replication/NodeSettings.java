package storage.cairn.engine.replication;

/**
 * Times, bounds and rates of the replication of one engine. {@link #DEFAULTS} is what the documentation promises; the
 * tests and the simulator use others.
 */
public record NodeSettings(Leases leases, Failures failures, Limits limits, Background background) {
    public static final NodeSettings DEFAULTS =
            new NodeSettings(Leases.DEFAULTS, Failures.DEFAULTS, Limits.DEFAULTS, Background.DEFAULTS);

    /**
     * @param ttlMillis how long an owner relies on a grant, from sending the renewal
     * @param honourMillis how long a replica honours a grant, from processing the renewal; longer than the ttl
     * @param renewMillis between two renewals, and between two announcements of disks
     * @param startSilenceMillis how long a disk that turns up grants nothing unless it was cleanly closed
     */
    public record Leases(long ttlMillis, long honourMillis, long renewMillis, long startSilenceMillis) {
        public static final Leases DEFAULTS = new Leases(6_000, 7_000, 1_000, 7_000);
    }

    /**
     * @param heartbeatMillis between two heartbeats of a stream with operations under way
     * @param silenceMillis neither an ack nor a heartbeat for so long: the replica is suspected, writes park
     * @param graceMillis how long a suspected replica may come back before it is taken out
     * @param refusedGraceMillis the same when its node refuses connections
     * @param reconnectMillis between two attempts to connect
     * @param connectMillis longest connect and authentication
     * @param slowMillis oldest unacked operation of a live replica, above which it is slow
     * @param slowBackoffMillis before a slow replica may rejoin; doubles with each time, up to 16 times
     * @param storeRetryMillis between two attempts while the configuration store does not answer
     * @param queueMillis how long I/O queues while too few replicas can be reached, before it fails
     */
    public record Failures(
            long heartbeatMillis,
            long silenceMillis,
            long graceMillis,
            long refusedGraceMillis,
            long reconnectMillis,
            long connectMillis,
            long slowMillis,
            long slowBackoffMillis,
            long storeRetryMillis,
            long queueMillis) {
        public static final Failures DEFAULTS =
                new Failures(250, 1_000, 1_500, 200, 200, 2_000, 10_000, 10_000, 250, 300_000);
    }

    /**
     * @param volumeOperations host operations of one volume that are admitted at once
     * @param volumeBytes bytes of admitted writes of one volume
     * @param queuedOperations further host operations of one volume that wait; beyond them BUSY
     * @param backlogBytes unacked bytes towards one replica, above which it is slow
     * @param tail wseqs above commitSeq, at most 4,096
     * @param credits slot credits asked for at once
     */
    public record Limits(
            int volumeOperations, long volumeBytes, int queuedOperations, long backlogBytes, int tail, int credits) {
        public static final Limits DEFAULTS = new Limits(1_024, 64L << 20, 4_096, 128L << 20, 4_096, 4_096);
    }

    /**
     * @param rebuildBytesPerSecond of one volume at most, and while hosts are idle
     * @param rebuildFloorBytesPerSecond what a rebuild of one volume may always take, however busy hosts are
     * @param rebuildExtents extents of one volume that are compared and copied at once
     * @param rebuildRetryMillis before a rebuild that broke is tried again
     * @param scrubBytesPerSecond of one engine, 0 for no scrub
     * @param scrubPauseMillis between two rounds over a volume
     */
    public record Background(
            long rebuildBytesPerSecond,
            long rebuildFloorBytesPerSecond,
            int rebuildExtents,
            long rebuildRetryMillis,
            long scrubBytesPerSecond,
            long scrubPauseMillis) {
        public static final Background DEFAULTS =
                new Background(512L << 20, 64L << 20, 8, 1_000, 8L << 20, 24L * 3_600_000);

        /** The same with other rates of a rebuild. */
        public Background withRebuild(long floorBytesPerSecond, long bytesPerSecond) {
            return new Background(
                    bytesPerSecond,
                    floorBytesPerSecond,
                    rebuildExtents,
                    rebuildRetryMillis,
                    scrubBytesPerSecond,
                    scrubPauseMillis);
        }
    }
}
