package storage.cairn.engine.fuzz;

import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Supplier;
import storage.cairn.engine.embedded.ConfigFolderFuzz;
import storage.cairn.engine.embedded.ConfigStoreFuzz;
import storage.cairn.engine.kube.MembershipFuzz;
import storage.cairn.engine.kube.WatchFuzz;
import storage.cairn.engine.nbd.NbdServerFuzz;
import storage.cairn.engine.net.PeerFrameFuzz;
import storage.cairn.engine.node.ConfigFileFuzz;
import storage.cairn.engine.node.ControlFuzz;
import storage.cairn.engine.replication.PeerAnswersFuzz;
import storage.cairn.engine.replication.PeerNodeFuzz;
import storage.cairn.engine.store.DiskFuzz;
import storage.cairn.engine.store.PageFuzz;

/** Every target by its name: those of this module, and those that other modules on the class path list. */
public final class FuzzTargets {
    private static final Map<String, Supplier<FuzzTarget>> OWN = Map.ofEntries(
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
            Map.entry("peer-answers", PeerAnswersFuzz::new),
            Map.entry("nbd-server", NbdServerFuzz::new),
            Map.entry("config-store", ConfigStoreFuzz::new),
            Map.entry("config-files", ConfigFileFuzz::new),
            Map.entry("config-folder", ConfigFolderFuzz::new),
            Map.entry("membership", MembershipFuzz::new),
            Map.entry("watch", WatchFuzz::new),
            Map.entry("control", ControlFuzz::new));

    private static final Map<String, Supplier<FuzzTarget>> ALL = all();

    private FuzzTargets() {}

    private static Map<String, Supplier<FuzzTarget>> all() {
        Map<String, Supplier<FuzzTarget>> all = new TreeMap<>(OWN);
        ServiceLoader.load(FuzzTargetList.class).forEach(list -> all.putAll(list.targets()));
        return all;
    }

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
