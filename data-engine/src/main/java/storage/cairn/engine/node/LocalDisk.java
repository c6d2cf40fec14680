package storage.cairn.engine.node;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.DiskFile;
import storage.cairn.engine.node.EngineConfig.DiskConfig;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.store.ExtentStore;
import storage.cairn.engine.store.StoreMetrics;

/** One configured disk: what it is, whether it is served, and if not, why. Once it is begun, on the event loop only. */
final class LocalDisk {
    private static final double NANOS_PER_SECOND = 1e9;

    private final DiskConfig config;
    private @Nullable DiskFile file;
    private @Nullable DeviceMeter device;
    private @Nullable ExtentStore store;
    private String failure = "";

    LocalDisk(DiskConfig config) {
        this.config = config;
    }

    /**
     * A disk at one moment.
     *
     * @param id null while its label is not known
     * @param failure why it is not served, empty while it is
     * @param direct whether I/O goes past the page cache
     * @param block whether it is a block device
     */
    record Info(
            @Nullable DiskId id,
            String path,
            long capacityBytes,
            long freeBytes,
            String failure,
            boolean volatileCache,
            boolean direct,
            boolean block) {}

    DiskConfig config() {
        return config;
    }

    void opened(DiskFile openedFile, DeviceMeter openedDevice) {
        file = openedFile;
        device = openedDevice;
    }

    void serves(ExtentStore openedStore) {
        store = openedStore;
    }

    void failed(String reason) {
        failure = reason;
    }

    @Nullable
    ExtentStore store() {
        return store;
    }

    @Nullable
    DeviceMeter device() {
        return device;
    }

    /** Why it is not served, empty while it is. */
    String failure() {
        String found = store == null ? null : store.failure();
        return found == null ? failure : found;
    }

    Info info() {
        DiskFile opened = file;
        ExtentStore served = store;
        return new Info(
                served == null ? null : served.disk(),
                config.path(),
                served == null ? 0 : served.capacitySlots() * BlockDevice.BLOCK_BYTES,
                served == null ? 0 : served.freeSlots() * BlockDevice.BLOCK_BYTES,
                failure(),
                opened != null && opened.volatileCache(),
                opened != null && opened.direct(),
                opened != null && opened.kind() == DiskFile.Kind.BLOCK_DEVICE);
    }

    LocalDisks.Figures figures() {
        Map<String, Double> totals = new TreeMap<>();
        Map<String, Double> now = new TreeMap<>();
        ExtentStore served = store;
        if (served != null) {
            StoreMetrics counted = served.metrics();
            totals.put("journal.blocks", (double) counted.journalBlocks());
            totals.put("flushes", (double) counted.flushes());
            totals.put("checkpoints", (double) counted.checkpoints());
            totals.put("checkpoint.bytes", (double) counted.checkpointBytes());
            totals.put("written.bytes", (double) counted.writtenBytes());
            totals.put("read.bytes", (double) counted.readBytes());
            totals.put("gathered.bytes", (double) counted.gatheredBytes());
            totals.put("page.cache.hits", (double) counted.cacheHits());
            totals.put("page.cache.misses", (double) counted.cacheMisses());
            totals.put("checksum.errors", (double) counted.checksumErrors());
            totals.put("stalls", (double) counted.stalls());
            now.put("last.checkpoint.seconds", counted.lastCheckpointNanos() / NANOS_PER_SECOND);
            now.put("recovery.seconds", counted.recoveryNanos() / NANOS_PER_SECOND);
        }
        return new LocalDisks.Figures(info(), device, device == null ? 0 : device.inFlight(), totals, now);
    }
}
