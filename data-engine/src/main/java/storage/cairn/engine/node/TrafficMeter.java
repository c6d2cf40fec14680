package storage.cairn.engine.node;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import storage.cairn.engine.kube.NodeReport.Traffic;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.replication.NodeView.ActivityView;
import storage.cairn.engine.replication.NodeView.VolumeView;

/**
 * How much hosts use the volumes that this node serves, or served lately: a volume that was moved away is remembered
 * until its average has faded. For one thread.
 */
final class TrafficMeter {
    /** A report is one object in the API: that many volumes, the busiest. */
    static final int MOST = 128;

    private static final double FADING_NANOS = 600e9;
    /** Bytes per second; below it counts as none. */
    private static final double LEAST = 1024;

    private final Map<VolumeId, Use> uses = new HashMap<>();
    private long lastNanos;

    private static final class Use {
        private long readBytes;
        private long remoteReadBytes;
        private long writeBytes;
        private long seenRead;
        private long seenRemote;
        private long seenWrite;
        private double bytesPerSecond;

        /** Counters begin at zero whenever a node takes a volume over. */
        void see(ActivityView now) {
            boolean again =
                    now.readBytes() < seenRead || now.remoteReadBytes() < seenRemote || now.writeBytes() < seenWrite;
            long read = now.readBytes() - (again ? 0 : seenRead);
            long written = now.writeBytes() - (again ? 0 : seenWrite);
            readBytes += read;
            writeBytes += written;
            remoteReadBytes += now.remoteReadBytes() - (again ? 0 : seenRemote);
            bytesPerSecond += (read + written) / (FADING_NANOS / 1e9);
            seenRead = now.readBytes();
            seenRemote = now.remoteReadBytes();
            seenWrite = now.writeBytes();
        }

        void unserved() {
            seenRead = 0;
            seenRemote = 0;
            seenWrite = 0;
        }

        /** Only the power of two: what nobody uses any more is to change its report seldom. */
        long rounded() {
            return bytesPerSecond < LEAST ? 0 : Long.highestOneBit((long) bytesPerSecond);
        }

        long bytes() {
            return readBytes + writeBytes;
        }
    }

    /**
     * Counts on, and tells the busiest first; without those that nobody used.
     *
     * @param nanos now, by a clock that only goes on
     */
    List<Traffic> take(List<VolumeView> volumes, long nanos) {
        double kept = Math.exp((lastNanos - nanos) / FADING_NANOS);
        lastNanos = nanos;
        uses.values().forEach(use -> use.bytesPerSecond *= kept);
        Set<VolumeId> served = new HashSet<>();
        for (VolumeView volume : volumes) {
            ActivityView activity = volume.activity();
            if (activity != null) {
                VolumeId id = volume.configuration().volume();
                served.add(id);
                uses.computeIfAbsent(id, each -> new Use()).see(activity);
            }
        }
        for (Iterator<Map.Entry<VolumeId, Use>> each = uses.entrySet().iterator(); each.hasNext(); ) {
            Map.Entry<VolumeId, Use> known = each.next();
            if (!served.contains(known.getKey())) {
                known.getValue().unserved();
                if (known.getValue().rounded() == 0) {
                    each.remove();
                }
            }
        }
        List<Traffic> traffic = new ArrayList<>();
        uses.forEach((id, use) -> {
            if (use.bytes() > 0) {
                traffic.add(
                        new Traffic(id.toString(), use.readBytes, use.remoteReadBytes, use.writeBytes, use.rounded()));
            }
        });
        traffic.sort(Comparator.comparingLong(Traffic::bytesPerSecond)
                .thenComparingLong(each -> each.readBytes() + each.writeBytes())
                .reversed()
                .thenComparing(Traffic::volume));
        return List.copyOf(traffic.subList(0, Math.min(MOST, traffic.size())));
    }
}
