package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.DiskFile;
import storage.cairn.engine.io.Disks;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.ForeignData;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.node.EngineConfig.DiskConfig;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log.Level;
import storage.cairn.engine.store.ExtentStore;
import storage.cairn.engine.store.Label;
import storage.cairn.engine.store.StoreSettings;

/**
 * Brings the configured disks into service: makes a file that is not there, refuses what is somebody else's, formats
 * what is empty, and recovers what is ours. Recoveries of several disks run at the same time.
 *
 * <p>A disk of this cluster is never formatted again, whatever the configuration says.
 */
final class DiskOpening {
    private static final int PAGE_BYTES = BlockDevice.BLOCK_BYTES;
    private static final int OVERLAY_RECORD_BYTES = 64;

    private final EngineConfig config;
    private final UUID cluster;
    private final EngineLoop loop;
    private final Devices devices;
    private final List<CompletableFuture<Void>> begun = new ArrayList<>();

    DiskOpening(EngineConfig config, UUID cluster, EngineLoop loop, Devices devices) {
        this.config = config;
        this.cluster = cluster;
        this.loop = loop;
        this.devices = devices;
    }

    /**
     * Begins with a disk. Blocks while a file is made.
     *
     * @param identity of a blank disk's label; null: one made at random
     */
    LocalDisk begin(DiskConfig wanted, @Nullable DiskId identity) {
        LocalDisk disk = new LocalDisk(wanted);
        DiskFile file = null;
        try {
            file = file(wanted);
            boolean format = inspect(file, wanted);
            Disks.fill(file);
            file.notes().forEach(note -> EngineLog.event(Level.WARN, "DiskNote", note));
            open(disk, file, format, identity);
        } catch (IOException | RuntimeException e) {
            if (file != null) {
                file.close();
            }
            refused(disk, String.valueOf(e.getMessage()));
        }
        return disk;
    }

    /** Waits until every disk is served or refused. */
    void await() {
        CompletableFuture.allOf(begun.toArray(CompletableFuture[]::new)).join();
    }

    private static DiskFile file(DiskConfig wanted) throws IOException {
        Path path = Path.of(wanted.path());
        if (Files.exists(path)) {
            return Disks.open(path, Disks.Buffered.ALLOWED);
        }
        String why = whyNotMade(wanted);
        if (!why.isEmpty()) {
            throw new IOException(why);
        }
        EngineLog.event(Level.INFO, "DiskPrepared", "path=" + path + " sizeBytes=" + wanted.sizeBytes() + " begins");
        return Disks.create(path, wanted.sizeBytes(), Disks.Buffered.ALLOWED, (written, of) -> {});
    }

    /** Why no file is made where none is, empty when one is. What is in /dev is no place for files, but for /dev/shm. */
    static String whyNotMade(DiskConfig wanted) {
        Path path = Path.of(wanted.path());
        if (wanted.sizeBytes() == 0) {
            return path + " is not there: give its sizeBytes to have a file made, or correct the path";
        }
        if (path.startsWith("/dev") && !path.startsWith("/dev/shm")) {
            return path + " is not there: no file is made below /dev; correct the path";
        }
        return "";
    }

    /** Whether the disk is to be formatted; throws when it is not ours to take. */
    private boolean inspect(DiskFile file, DiskConfig wanted) throws IOException {
        Label label = label(file);
        String found;
        if (label == null) {
            found = ForeignData.find(file);
        } else if (label.cluster().equals(cluster)) {
            return false;
        } else {
            found = file.path() + " holds disk " + label.disk() + " of another Cairn cluster, " + label.cluster();
        }
        if (found != null && !wanted.wipe()) {
            throw new IOException(
                    found + "; give another disk, or start the engine with --wipe to destroy what this one holds");
        }
        if (found != null) {
            EngineLog.event(Level.WARN, "DiskWiped", found + ", which is destroyed as configured");
            ForeignData.wipe(file);
        }
        return true;
    }

    static @Nullable Label label(DiskFile file) throws IOException {
        ByteBuffer block = ByteBuffer.allocateDirect(2 * PAGE_BYTES).alignedSlice(PAGE_BYTES);
        for (long place : Label.places(file.blocks())) {
            block.clear().limit(PAGE_BYTES);
            file.read(place, block);
            Label label = Label.recognise(block.clear());
            if (label != null) {
                return label;
            }
        }
        return null;
    }

    private void open(LocalDisk disk, DiskFile file, boolean format, @Nullable DiskId identity) {
        EngineConfig.Memory memory = config.memory();
        StoreSettings defaults = StoreSettings.defaults();
        StoreSettings settings = new StoreSettings(
                memory.overlayBytes() / OVERLAY_RECORD_BYTES,
                (int) memory.pageCacheBytes(),
                defaults.checkpointNanos(),
                defaults.maxMutations(),
                defaults.maxLookups());
        Slab pool = loop.slab("store of " + file.path(), sizes(memory));
        DeviceMeter device = new DeviceMeter(devices.open(loop, file));
        CompletableFuture<Void> done = new CompletableFuture<>();
        begun.add(done);
        Runnable ended = () -> done.complete(null);
        loop.clock().execute(() -> {
            disk.opened(file, device);
            if (format) {
                Label label = new Label(identity == null ? new DiskId(UUID.randomUUID()) : identity, cluster);
                ExtentStore.format(device, label, pool, loop.clock(), problem -> {
                    if (problem == null) {
                        EngineLog.event(Level.INFO, "DiskFormatted", "disk=" + label.disk() + " path=" + file.path());
                        recover(disk, device, settings, pool, ended);
                    } else {
                        notOpened(disk, device, problem, ended);
                    }
                });
            } else {
                recover(disk, device, settings, pool, ended);
            }
        });
    }

    private void recover(LocalDisk disk, DeviceMeter device, StoreSettings settings, BufferPool pool, Runnable ended) {
        ExtentStore.open(device, loop.clock(), settings, pool, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore store) {
                disk.serves(store);
                EngineLog.event(
                        Level.INFO,
                        "DiskServed",
                        "disk=" + store.disk() + " path=" + disk.config().path() + " replicas="
                                + store.replicas().size() + " clean=" + store.closedClean() + " replayedRecords="
                                + store.metrics().replayedRecords() + " recoveryMillis="
                                + store.metrics().recoveryNanos() / 1_000_000);
                ended.run();
            }

            @Override
            public void failed(String reason) {
                notOpened(disk, device, reason, ended);
            }
        });
    }

    /** On the loop. */
    private static void notOpened(LocalDisk disk, DeviceMeter device, String reason, Runnable ended) {
        device.close();
        refused(disk, disk.config().path() + ": " + reason);
        ended.run();
    }

    private static void refused(LocalDisk disk, String reason) {
        disk.failed(reason);
        EngineLog.event(Level.ERROR, "DiskRefused", reason);
    }

    /**
     * The page cache takes pieces of 1 MiB for good, and what is gathered has buffers of its own, so that a sequential
     * reader of a scattered volume is kept up with; what is under way takes the rest.
     */
    private static Slab.Sizes sizes(EngineConfig.Memory memory) {
        Slab.Sizes sizes = Slab.Sizes.ofBytes(memory.storeBytes());
        return new Slab.Sizes(
                sizes.of4K(),
                sizes.of16K(),
                sizes.of64K() + ExtentStore.GATHER_BUFFERS,
                sizes.of1M() + (int) (memory.pageCacheBytes() / BufferPool.MAX_BYTES));
    }
}
