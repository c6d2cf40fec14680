package storage.cairn.campaign;

import java.util.List;

/** {@code engine.json} of a campaign's engine: small pools, and sockets that other namespaces reach. */
record EngineFile(
        int node,
        String dataDir,
        String clusterFile,
        String secretFile,
        String configDir,
        List<Disk> disks,
        String ioMode,
        boolean allowNonLoopback,
        Memory memory) {
    EngineFile {
        disks = List.copyOf(disks);
    }

    /**
     * @param sizeBytes of a file that is made; 0: what is there
     */
    record Disk(String path, long sizeBytes) {}

    /** Bounds below the defaults, so that waiting for memory and checkpoints happen often. */
    record Memory(long hostBytes, long receiveBytes, long readBytes, long pageCacheBytes, long overlayBytes) {}
}
