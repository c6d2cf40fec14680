package storage.cairn.schedulerextender;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.schedulerextender.Snapshot.Data;
import storage.cairn.schedulerextender.Snapshot.Machine;
import storage.cairn.schedulerextender.Snapshot.Pool;
import storage.cairn.schedulerextender.Snapshot.Storage;

/** Snapshots for tests: nodes a, b, c ... with one disk each, named as its node with a 1 behind. */
final class World {
    static final long GIB = 1L << 30;

    final Map<String, Machine> machines = new HashMap<>();
    final Map<String, Storage> disks = new HashMap<>();
    final Map<String, Data> volumes = new HashMap<>();
    final Map<String, Pool> pools = new HashMap<>();
    final Map<String, Map<String, Long>> reserved = new HashMap<>();

    World(String... nodes) {
        pools.put("fast", new Pool(2, Spread.NODE, 100, 85));
        for (String node : nodes) {
            node(node, "", true, true, false);
            disk(node + "1", node, 100 * GIB, 0, true, false);
        }
    }

    World node(String name, String zone, boolean alive, boolean schedulable, boolean evacuate) {
        Machine known = machines.get(name);
        int number = known == null ? machines.size() + 1 : known.number();
        machines.put(name, new Machine(name, number, zone, "", alive, schedulable, evacuate));
        return this;
    }

    World disk(String id, String node, long usable, long promised, boolean serves, boolean leaving) {
        disks.put(id, new Storage(id, "fast", node, usable, 0, promised, serves, leaving));
        return this;
    }

    World volume(String id, long bytes, Locality locality, String inSync, String syncing, String owner) {
        volumes.put(
                id,
                new Data(
                        bytes,
                        locality,
                        list(inSync),
                        list(syncing),
                        owner.isEmpty()
                                ? 0
                                : Objects.requireNonNull(machines.get(owner)).number(),
                        0));
        return this;
    }

    World used(String id, long bytesPerSecond) {
        Data data = Objects.requireNonNull(volumes.get(id));
        volumes.put(
                id,
                new Data(data.bytes(), data.locality(), data.inSync(), data.syncing(), data.owner(), bytesPerSecond));
        return this;
    }

    World preferred(String id, String inSync) {
        return volume(id, GIB, Locality.PREFERRED, inSync, "", "");
    }

    private static List<String> list(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split(" "));
    }

    static Claim bound(String volume) {
        return new Claim.Bound("claim-" + volume, volume);
    }

    static Claim.Unbound unbound(String name, long gib, Locality locality) {
        return new Claim.Unbound(name, gib * GIB, "fast", 2, locality, null, "");
    }

    Snapshot snapshot() {
        return new Snapshot(machines, disks, volumes, pools, reserved);
    }

    Decision decide(Claim... claims) {
        return new Decision(snapshot(), List.of(claims));
    }

    Map<String, String> refusals(Claim... claims) {
        return decide(claims).refusals(nodes());
    }

    List<String> nodes() {
        List<String> all = new ArrayList<>(machines.keySet());
        all.sort(null);
        return all;
    }

    /** Scores of all nodes in the order of their names. */
    List<Integer> scores(Claim... claims) {
        Decision decision = decide(claims);
        return nodes().stream().map(decision::score).toList();
    }
}
