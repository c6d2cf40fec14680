package storage.cairn.cli.cluster;

import java.util.List;

/** {@code engine.json}: what one engine is told at its start. */
record EngineFile(
        int node,
        String dataDir,
        String clusterFile,
        String secretFile,
        String configDir,
        List<Disk> disks,
        String ioMode) {
    EngineFile {
        disks = List.copyOf(disks);
    }

    /**
     * @param path of a file, made if it is not there, or of a block device
     * @param sizeBytes of the file; 0 for a block device: all of it
     * @param wipe whether foreign data on it may be destroyed
     */
    record Disk(String path, long sizeBytes, boolean wipe) {}
}
