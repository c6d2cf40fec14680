package storage.cairn.csi;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How much a pool can still promise.
 *
 * @param places disks that may get new replicas
 */
record Room(List<Place> places) {
    /**
     * One disk.
     *
     * @param domain of which a volume has at most one replica: its node, zone or rack
     * @param freeBytes that may still be promised on it
     */
    record Place(String domain, long freeBytes) {}

    Room {
        places = List.copyOf(places);
    }

    /** Size of the largest volume with so many replicas, bytes; 0 when there are too few domains. */
    long largest(int replicas) {
        Map<String, Long> best = new HashMap<>();
        for (Place each : places) {
            best.merge(each.domain(), Math.max(0, each.freeBytes()), Math::max);
        }
        List<Long> sizes = new ArrayList<>(best.values());
        if (sizes.size() < replicas) {
            return 0;
        }
        sizes.sort(Collections.reverseOrder());
        return sizes.get(replicas - 1);
    }

    /** What volumes with so many replicas can have in all, bytes. */
    long total(int replicas) {
        if (largest(replicas) == 0) {
            return 0;
        }
        long sum = 0;
        for (Place each : places) {
            sum += Math.max(0, each.freeBytes());
        }
        return sum / replicas;
    }

    int domains() {
        return (int) places.stream().map(Place::domain).distinct().count();
    }
}
