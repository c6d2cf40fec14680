package storage.cairn.operator;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;

/** What the volumes could lose at this moment, by their memberships and by where their disks are. */
final class Redundancy {
    private final List<VolumeMembership> memberships;
    private final Map<String, String> nodeOf = new HashMap<>();

    Redundancy(Observed observed) {
        this.memberships = observed.memberships();
        for (Disk disk : observed.disks()) {
            DiskStatus status = disk.getStatus();
            if (status != null && status.node() != null && status.state() != DiskStatus.State.FAILED) {
                nodeOf.put(disk.getMetadata().getName(), status.node());
            }
        }
    }

    /** Names of the volumes that lack copies now. */
    List<String> degraded() {
        List<String> names = new ArrayList<>();
        for (VolumeMembership membership : memberships) {
            VolumeMembershipSpec spec = membership.getSpec();
            if (!spec.syncing().isEmpty() || !spec.outOfSync().isEmpty()) {
                names.add(spec.name());
            }
        }
        names.sort(null);
        return names;
    }

    /** Nodes without which some volume could not be written. A disk whose place is not known is not counted on. */
    Set<String> needed() {
        Set<String> needed = new TreeSet<>();
        for (VolumeMembership membership : memberships) {
            Map<String, Integer> copies = new HashMap<>();
            int known = 0;
            for (String disk : membership.getSpec().inSync()) {
                @Nullable String node = nodeOf.get(disk);
                if (node != null) {
                    copies.merge(node, 1, Integer::sum);
                    known++;
                }
            }
            for (Map.Entry<String, Integer> on : copies.entrySet()) {
                if (known - on.getValue() < membership.getSpec().minInSync()) {
                    needed.add(on.getKey());
                }
            }
        }
        return needed;
    }
}
