package storage.cairn.schedulerextender;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec.Locality;

/** Where everything is that decisions depend on, at one moment; never changed once made. */
final class Snapshot {
    private final Map<String, Machine> machines;
    private final Map<String, Storage> disks;
    private final Map<String, Data> volumes;
    private final Map<String, Pool> pools;
    private final Map<String, Map<String, Long>> reserved;
    private final Map<String, List<Storage>> disksOf = new TreeMap<>();
    private final Map<String, List<Storage>> disksIn = new TreeMap<>();
    private final Map<Integer, String> names = new TreeMap<>();

    /**
     * A node with an engine.
     *
     * @param number in memberships of volumes
     * @param zone empty when it has none, like {@code rack}
     * @param alive whether its engine was heard of lately
     * @param schedulable whether new replicas may be placed there
     * @param evacuate whether replicas and owners are leaving it
     */
    record Machine(
            String name, int number, String zone, String rack, boolean alive, boolean schedulable, boolean evacuate) {}

    /**
     * A disk.
     *
     * @param pool empty: in none
     * @param node where it was last seen
     * @param promisedBytes of all volumes that have or will have a replica on it
     * @param serves whether its engine says that it works
     * @param leaving whether its replicas are leaving it
     */
    record Storage(
            String id,
            String pool,
            String node,
            long usableBytes,
            long usedBytes,
            long promisedBytes,
            boolean serves,
            boolean leaving) {}

    /**
     * A volume.
     *
     * @param inSync disks that hold all of it
     * @param syncing disks that hold a part
     * @param owner number of the node that serves it; 0: none
     * @param bytesPerSecond that hosts read and wrote lately
     */
    record Data(
            long bytes, Locality locality, List<String> inSync, List<String> syncing, int owner, long bytesPerSecond) {
        Data {
            inSync = List.copyOf(inSync);
            syncing = List.copyOf(syncing);
        }
    }

    /** A pool: what its volumes have that say nothing else, and how full it may get. */
    record Pool(int replicas, Spread spread, int overProvisioningPercent, int fullPercent) {}

    /**
     * @param reserved by node, then by pool: bytes that claims will take whose volumes are not made yet
     */
    Snapshot(
            Map<String, Machine> machines,
            Map<String, Storage> disks,
            Map<String, Data> volumes,
            Map<String, Pool> pools,
            Map<String, Map<String, Long>> reserved) {
        this.machines = Map.copyOf(machines);
        this.disks = Map.copyOf(disks);
        this.volumes = volumes;
        this.pools = Map.copyOf(pools);
        this.reserved = Map.copyOf(reserved);
        for (Storage disk : new TreeMap<>(disks).values()) {
            disksOf.computeIfAbsent(disk.node(), each -> new ArrayList<>()).add(disk);
            disksIn.computeIfAbsent(disk.pool(), each -> new ArrayList<>()).add(disk);
        }
        machines.values().forEach(each -> names.put(each.number(), each.name()));
    }

    @Nullable
    Machine machine(String node) {
        return machines.get(node);
    }

    /** Nodes whose engines were alive at that moment. */
    Set<String> alive() {
        return machines.values().stream()
                .filter(Machine::alive)
                .map(Machine::name)
                .collect(Collectors.toSet());
    }

    @Nullable
    Data volume(String id) {
        return volumes.get(id);
    }

    @Nullable
    Pool pool(String name) {
        return pools.get(name);
    }

    @Nullable
    Storage disk(String id) {
        return disks.get(id);
    }

    List<Storage> disksOf(String node) {
        return disksOf.getOrDefault(node, List.of());
    }

    List<Storage> disksIn(String pool) {
        return disksIn.getOrDefault(pool, List.of());
    }

    long reserved(String node, String pool) {
        return reserved.getOrDefault(node, Map.of()).getOrDefault(pool, 0L);
    }

    /** The node that serves the volume; null: none that is alive. */
    @Nullable
    Machine owner(Data volume) {
        String name = names.get(volume.owner());
        Machine owner = name == null ? null : machines.get(name);
        return owner == null || !owner.alive() ? null : owner;
    }

    /** Whether what is on the disk can be read now. */
    boolean serves(Storage disk) {
        Machine machine = machines.get(disk.node());
        return disk.serves() && machine != null && machine.alive();
    }

    /** Names of the nodes that have all of a volume, also those that cannot be reached. */
    TreeSet<String> nodesOf(Data volume) {
        TreeSet<String> nodes = new TreeSet<>();
        for (String id : volume.inSync()) {
            Storage disk = disks.get(id);
            if (disk != null && !disk.node().isEmpty()) {
                nodes.add(disk.node());
            }
        }
        return nodes;
    }
}
