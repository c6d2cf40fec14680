package storage.cairn.engine.node;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.ReplicaStore;

/** The configured disks of this node: opened, formatted when they are empty, refused when they are somebody else's. */
final class LocalDisks {
    private final Clock clock;
    private final List<LocalDisk> disks;

    private LocalDisks(Clock clock, List<LocalDisk> disks) {
        this.clock = clock;
        this.disks = disks;
    }

    /** Opens all disks and waits for them. A disk that cannot be served is told in its {@link LocalDisk#info}. */
    static LocalDisks open(EngineConfig config, UUID cluster, EngineLoop loop, Devices devices) {
        List<LocalDisk> disks = new ArrayList<>();
        DiskOpening opening = new DiskOpening(config, cluster, loop, devices);
        for (EngineConfig.DiskConfig disk : config.disks()) {
            disks.add(opening.begin(disk));
        }
        opening.await();
        return new LocalDisks(loop.clock(), disks);
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
                    clock,
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
