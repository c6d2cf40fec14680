package storage.cairn.engine.node;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Log.Level;

/** The nodes of the cluster as they are known now, and where this one listens. For all threads. */
final class ClusterMap {
    private final UUID clusterId;
    private final ClusterFile.Node self;
    private final Map<Integer, Place> places = new ConcurrentSkipListMap<>();

    private record Place(String address, InetSocketAddress resolved) {}

    ClusterMap(UUID clusterId, ClusterFile.Node self) {
        this.clusterId = clusterId;
        this.self = self;
    }

    static ClusterMap of(ClusterFile file, int node) throws ConfigException {
        ClusterMap map = new ClusterMap(file.clusterId(), file.node(node));
        for (ClusterFile.Node each : file.nodes()) {
            map.put(each.node(), each.peerAddress());
        }
        return map;
    }

    UUID clusterId() {
        return clusterId;
    }

    ClusterFile.Node self() {
        return self;
    }

    /** All numbers, rising. */
    List<Integer> numbers() {
        return List.copyOf(places.keySet());
    }

    void put(int node, String address) throws ConfigException {
        places.put(node, new Place(address, ConfigLoader.address("peerAddress", address, false)));
    }

    /** Takes in where a node says it is; answers whether it is there now. */
    boolean learn(int node, String address) {
        Place before = places.get(node);
        if (before == null || !before.address().equals(address)) {
            try {
                put(node, address);
                EngineLog.event(Level.INFO, "NodeLearned", "node=" + node + " address=" + address);
            } catch (ConfigException e) {
                EngineLog.event(Level.ERROR, "NodeNotReached", "node=" + node + ": " + e.getMessage());
                return false;
            }
        }
        return true;
    }

    /** Where a node said it is, empty when it is not known. */
    String address(int node) {
        Place place = places.get(node);
        return place == null ? "" : place.address();
    }

    /** Of all nodes, by their numbers. */
    SortedMap<Integer, String> addresses() {
        SortedMap<Integer, String> addresses = new TreeMap<>();
        places.forEach((number, place) -> addresses.put(number, place.address()));
        return addresses;
    }

    @Nullable
    InetSocketAddress resolved(int node) {
        Place place = places.get(node);
        return place == null ? null : place.resolved();
    }
}
