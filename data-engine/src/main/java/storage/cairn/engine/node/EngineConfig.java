package storage.cairn.engine.node;

import java.util.List;

/**
 * What one engine is told at its start. {@code docs/configuration.md} explains each key; {@link ConfigLoader} reads it.
 *
 * @param node number of this node, from 1
 * @param dataDir folder of this engine's own files
 * @param clusterFile the nodes of the cluster and where each listens
 * @param secretFile the cluster's secret in hexadecimal, readable for this user only
 * @param configStore where the memberships of volumes are decided
 * @param configDir folder of that store, which the engines of this machine share; for {@link StoreKind#DIRECTORY}
 * @param kubeconfig how to reach its API server, empty for a pod's service account; for {@link StoreKind#KUBERNETES}
 * @param kubernetes of an engine that is a pod: then the cluster's resources say its number, the other nodes and its
 *     disks, and {@code node}, {@code clusterFile} and {@code disks} are empty
 * @param disks to be served, 1 to {@link #MAX_DISKS}
 * @param ioMode how disks are read and written
 * @param logFile where the log goes; empty: {@code engine.log} in dataDir; {@code -}: standard output
 * @param logLevel least level that is logged
 * @param shutdownMillis longest orderly shutdown
 * @param allowNonLoopback whether control, NBD and metrics may listen elsewhere than on loopback; none of them asks
 *     who is there
 * @param memory bounds
 * @param rebuild how fast replicas are brought back
 */
public record EngineConfig(
        int node,
        String dataDir,
        String clusterFile,
        String secretFile,
        StoreKind configStore,
        String configDir,
        String kubeconfig,
        Kubernetes kubernetes,
        List<DiskConfig> disks,
        IoMode ioMode,
        String logFile,
        LogLevel logLevel,
        long shutdownMillis,
        boolean allowNonLoopback,
        Memory memory,
        Rebuild rebuild) {
    static final int MAX_DISKS = 64;
    private static final long MIN_SHUTDOWN_MILLIS = 1_000;
    private static final long MAX_SHUTDOWN_MILLIS = 600_000;

    public EngineConfig {
        disks = List.copyOf(disks);
        boolean pod = !kubernetes.nodeName().isBlank();
        if (pod && (configStore != StoreKind.KUBERNETES || !clusterFile.isBlank() || !disks.isEmpty())) {
            throw new IllegalArgumentException(
                    "kubernetes.nodeName: needs configStore 'kubernetes', and takes the place of clusterFile and disks");
        }
        if (!pod && (node < 1 || clusterFile.isBlank())) {
            throw new IllegalArgumentException("node and clusterFile: needed without kubernetes.nodeName");
        }
        if ((!pod && disks.isEmpty()) || disks.size() > MAX_DISKS) {
            throw new IllegalArgumentException("disks: " + disks.size() + " given, use 1 to " + MAX_DISKS);
        }
        if (shutdownMillis < MIN_SHUTDOWN_MILLIS || shutdownMillis > MAX_SHUTDOWN_MILLIS) {
            throw new IllegalArgumentException("shutdownMillis: " + shutdownMillis + " given, use "
                    + MIN_SHUTDOWN_MILLIS + " to " + MAX_SHUTDOWN_MILLIS);
        }
        if (configStore == StoreKind.DIRECTORY ? configDir.isBlank() : !configDir.isBlank()) {
            throw new IllegalArgumentException(
                    "configDir: needed with configStore 'directory', and of no use with 'kubernetes'");
        }
        if (configStore == StoreKind.DIRECTORY && !kubeconfig.isBlank()) {
            throw new IllegalArgumentException("kubeconfig: of use with configStore 'kubernetes' alone");
        }
        if (disks.stream().map(DiskConfig::path).distinct().count() != disks.size()) {
            throw new IllegalArgumentException("disks: a path is given twice");
        }
    }

    /** The same engine under the number that its StorageNode has. */
    EngineConfig numbered(int number) {
        return with(number, disks);
    }

    /** The same engine, which may destroy foreign data on any of its disks. */
    EngineConfig wiping() {
        return with(
                node,
                disks.stream()
                        .map(disk -> new DiskConfig(disk.path(), disk.sizeBytes(), true))
                        .toList());
    }

    private EngineConfig with(int number, List<DiskConfig> newDisks) {
        return new EngineConfig(
                number,
                dataDir,
                clusterFile,
                secretFile,
                configStore,
                configDir,
                kubeconfig,
                kubernetes,
                newDisks,
                ioMode,
                logFile,
                logLevel,
                shutdownMillis,
                allowNonLoopback,
                memory,
                rebuild);
    }

    /**
     * An engine that is a pod.
     *
     * @param nodeName name of the Kubernetes node; empty: not in Kubernetes, or for a trial only its configuration
     *     store is
     * @param host address of this node for other engines
     * @param peerPort where other engines connect; 0: as the StorageCluster says
     * @param metricsPort of metrics and health, on all addresses of the node; 0: none
     */
    public record Kubernetes(String nodeName, String host, int peerPort, int metricsPort) {
        private static final int MAX_PORT = 65_535;

        public Kubernetes {
            if (peerPort < 0 || peerPort > MAX_PORT || metricsPort < 0 || metricsPort > MAX_PORT) {
                throw new IllegalArgumentException("kubernetes.peerPort and metricsPort are 0 to " + MAX_PORT);
            }
            if (!nodeName.isBlank() && host.isBlank()) {
                throw new IllegalArgumentException("kubernetes.host: needed with kubernetes.nodeName");
            }
        }
    }

    /**
     * @param path of a file, made if it is not there, or of a block device
     * @param sizeBytes of the file; 0: a block device, or a file that is there, with the size it has
     * @param wipe whether foreign data on it may be destroyed
     */
    public record DiskConfig(String path, long sizeBytes, boolean wipe) {
        public DiskConfig {
            if (path.isBlank()) {
                throw new IllegalArgumentException("disks: a path is empty");
            }
            if (sizeBytes < 0) {
                throw new IllegalArgumentException("disk " + path + ": sizeBytes is negative");
            }
        }
    }

    /** A folder of this machine, or the API server of the Kubernetes that the cluster belongs to. */
    public enum StoreKind {
        DIRECTORY,
        KUBERNETES
    }

    /** Through Netty's io_uring loop, through a pool of threads, or whichever the kernel allows. */
    public enum IoMode {
        AUTO,
        IO_URING,
        POOL
    }

    public enum LogLevel {
        DEBUG,
        INFO,
        WARN,
        ERROR
    }

    /**
     * Direct memory by role, so that no role waits for another's.
     *
     * @param hostBytes what NBD clients write and read with
     * @param receiveBytes writes that other engines send to replicas here
     * @param readBytes blocks that owners here read from other engines
     * @param ownerBytes read-modify-write and repair
     * @param replicaBytes reads for other engines
     * @param backgroundBytes rebuild and scrub
     * @param storeBytes journal and metadata pages under way, of each disk
     * @param pageCacheBytes metadata pages that are kept, of each disk
     * @param overlayBytes changes since the last checkpoint, of each disk; taken as they come
     */
    public record Memory(
            long hostBytes,
            long receiveBytes,
            long readBytes,
            long ownerBytes,
            long replicaBytes,
            long backgroundBytes,
            long storeBytes,
            long pageCacheBytes,
            long overlayBytes) {
        static final long MIN_BYTES = 8L << 20;
        static final long MAX_BYTES = 16L << 30;

        public Memory {
            check("hostBytes", hostBytes);
            check("receiveBytes", receiveBytes);
            check("readBytes", readBytes);
            check("ownerBytes", ownerBytes);
            check("replicaBytes", replicaBytes);
            check("backgroundBytes", backgroundBytes);
            check("storeBytes", storeBytes);
            check("pageCacheBytes", pageCacheBytes);
            check("overlayBytes", overlayBytes);
            if (pageCacheBytes % (1 << 20) != 0 || pageCacheBytes >= 2L << 30) {
                throw new IllegalArgumentException(
                        "memory.pageCacheBytes: " + pageCacheBytes + " given, use a multiple of 1048576 below 2 GiB");
            }
        }

        private static void check(String name, long bytes) {
            if (bytes < MIN_BYTES || bytes > MAX_BYTES) {
                throw new IllegalArgumentException(
                        "memory." + name + ": " + bytes + " given, use " + MIN_BYTES + " to " + MAX_BYTES);
            }
        }
    }

    /**
     * How fast one volume's replica is brought back.
     *
     * @param floorBytesPerSecond that much is always allowed, however busy hosts are
     * @param bytesPerSecond at most, and while hosts are idle
     */
    public record Rebuild(long floorBytesPerSecond, long bytesPerSecond) {
        static final long MIN_FLOOR = 1L << 20;

        public Rebuild {
            if (floorBytesPerSecond < MIN_FLOOR || bytesPerSecond < floorBytesPerSecond) {
                throw new IllegalArgumentException("rebuild: floorBytesPerSecond " + floorBytesPerSecond
                        + " and bytesPerSecond " + bytesPerSecond + " given, use a floor of at least " + MIN_FLOOR
                        + " and no less than that for the other");
            }
        }
    }
}
