package storage.cairn.engine.node;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.ReplicaStore;

/** The configured disks of this node: opened, formatted when they are empty, refused when they are somebody else's. */
final class LocalDisks implements DiskAdmission.InUse {
    private final EngineConfig config;
    private final UUID cluster;
    private final EngineLoop loop;
    private final Devices devices;
    private final List<LocalDisk> disks = new CopyOnWriteArrayList<>();
    private volatile Consumer<ReplicaStore> admitted = store -> {};

    private LocalDisks(EngineConfig config, UUID cluster, EngineLoop loop, Devices devices) {
        this.config = config;
        this.cluster = cluster;
        this.loop = loop;
        this.devices = devices;
    }

    /** Opens all disks and waits for them. A disk that cannot be served is told in its {@link LocalDisk#info}. */
    static LocalDisks open(EngineConfig config, UUID cluster, EngineLoop loop, Devices devices) {
        LocalDisks disks = new LocalDisks(config, cluster, loop, devices);
        DiskOpening opening = new DiskOpening(config, cluster, loop, devices);
        for (EngineConfig.DiskConfig disk : config.disks()) {
            disks.disks.add(opening.begin(disk, null));
        }
        opening.await();
        return disks;
    }

    /** Who takes disks that come later into use; called on the loop. */
    void whenAdmitted(Consumer<ReplicaStore> listener) {
        admitted = listener;
    }

    /**
     * Opens one more disk and waits for it; a blank one is formatted with this label. One that is refused is forgotten
     * again, so that the next attempt finds what was mended.
     *
     * @return why it cannot be served, empty when it is
     */
    @Override
    public String admit(EngineConfig.DiskConfig wanted, DiskId label) {
        if (disks.size() >= EngineConfig.MAX_DISKS) {
            return "an engine serves at most " + EngineConfig.MAX_DISKS + " disks";
        }
        DiskOpening opening = new DiskOpening(config, cluster, loop, devices);
        LocalDisk disk = opening.begin(wanted, label);
        opening.await();
        String problem = disk.failure();
        if (problem.isEmpty()) {
            disks.add(disk);
            loop.clock().execute(() -> {
                ReplicaStore store = disk.store();
                if (store != null) {
                    admitted.accept(store);
                }
            });
        }
        return problem;
    }

    /** Whether the disk at this path is in use here. */
    @Override
    public boolean uses(String path) {
        for (LocalDisk disk : disks) {
            if (disk.config().path().equals(path)) {
                return true;
            }
        }
        return false;
    }

    /** Those that can be served. On the loop. */
    List<ReplicaStore> stores() {
        List<ReplicaStore> stores = new ArrayList<>();
        for (LocalDisk disk : disks) {
            ReplicaStore store = disk.store();
            if (store != null) {
                stores.add(store);
            }
        }
        return stores;
    }

    /** On the loop. */
    List<LocalDisk.Info> infos() {
        List<LocalDisk.Info> infos = new ArrayList<>(disks.size());
        for (LocalDisk disk : disks) {
            infos.add(disk.info());
        }
        return infos;
    }

    /**
     * A disk's figures at one moment.
     *
     * @param totals of the store, which only grow, by metric name
     * @param now of the store, by metric name
     */
    record Figures(
            LocalDisk.Info info,
            @Nullable DeviceMeter device,
            int inFlight,
            Map<String, Double> totals,
            Map<String, Double> now) {}

    /** On the loop. */
    List<Figures> figures() {
        List<Figures> figures = new ArrayList<>(disks.size());
        for (LocalDisk disk : disks) {
            figures.add(disk.figures());
        }
        return figures;
    }

    /** Closes every disk; answers whether all of them were closed cleanly. */
    boolean close(Shutdown shutdown, boolean grantsOutstanding) {
        boolean all = true;
        for (LocalDisk disk : disks) {
            ReplicaStore store = disk.store();
            DeviceMeter device = disk.device();
            if (store == null || device == null) {
                continue;
            }
            all &= shutdown.lastStep(
                    "close of " + disk.config().path(),
                    loop.clock(),
                    false,
                    done -> store.close(
                            grantsOutstanding,
                            (tag, status) -> {
                                if (device.inFlight() == 0) {
                                    device.close();
                                }
                                done.accept(status == Status.OK);
                            },
                            0));
        }
        return all;
    }
}
