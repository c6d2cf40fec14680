package storage.cairn.engine.fuzz;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import storage.cairn.engine.embedded.ConfigStoreFuzz;
import storage.cairn.engine.nbd.NbdServerFuzz;
import storage.cairn.engine.net.PeerFrameFuzz;
import storage.cairn.engine.node.ConfigFileFuzz;
import storage.cairn.engine.node.ControlFuzz;
import storage.cairn.engine.replication.PeerNodeFuzz;
import storage.cairn.engine.store.DiskFuzz;
import storage.cairn.engine.store.PageFuzz;

/** Every target by its name. */
public final class FuzzTargets {
    private static final Map<String, Supplier<FuzzTarget>> ALL = new TreeMap<>(Map.ofEntries(
            Map.entry("superblock", PageFuzz::superblock),
            Map.entry("journal", PageFuzz::journal),
            Map.entry("extent-page", PageFuzz::extentPage),
            Map.entry("index-page", PageFuzz::indexPage),
            Map.entry("allocation-page", PageFuzz::allocationPage),
            Map.entry("catalog", PageFuzz::catalog),
            Map.entry("configuration", PageFuzz::configuration),
            Map.entry("disk", DiskFuzz::new),
            Map.entry("peer-frames", PeerFrameFuzz::new),
            Map.entry("peer-node", PeerNodeFuzz::new),
            Map.entry("nbd-server", NbdServerFuzz::new),
            Map.entry("config-store", ConfigStoreFuzz::new),
            Map.entry("config-files", ConfigFileFuzz::new),
            Map.entry("control", ControlFuzz::new)));

    private FuzzTargets() {}

    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    static FuzzTarget named(String name) {
        Supplier<FuzzTarget> target = ALL.get(name);
        if (target == null) {
            throw new IllegalArgumentException("no fuzz target '" + name + "'; there are " + names());
        }
        return target.get();
    }
}
