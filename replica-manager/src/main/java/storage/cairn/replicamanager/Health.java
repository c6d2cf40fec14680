package storage.cairn.replicamanager;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;

/** Whether disks can be reached, since when not, and why, in words. */
final class Health {
    private final Cluster cluster;
    private final Rules rules;

    Health(Cluster cluster, Rules rules) {
        this.cluster = cluster;
        this.rules = rules;
    }

    /** Since when the disk is away; null: it is there. */
    @Nullable
    Instant awaySince(String disk) {
        DiskState state = cluster.disks().get(disk);
        if (state == null) {
            return Instant.EPOCH;
        }
        if (state.failedSince() != null) {
            return state.failedSince();
        }
        NodeState node = cluster.nodeOf(state);
        if (node == null || node.heardOf() == null) {
            return Instant.EPOCH;
        }
        return isSilent(node) ? node.heardOf() : null;
    }

    boolean isSilent(NodeState node) {
        Instant heard = node.heardOf();
        return heard == null || heard.plus(rules.silence()).isBefore(cluster.now());
    }

    /** Whether a replica there is to be replaced now: away for too long, and nobody works on it. */
    boolean isLost(String disk) {
        Instant since = awaySince(disk);
        return since != null && !inMaintenance(disk) && !cluster.now().isBefore(since.plus(rules.replaceAfter()));
    }

    boolean inMaintenance(String disk) {
        DiskState state = cluster.disks().get(disk);
        NodeState node = state == null ? null : cluster.nodeOf(state);
        Instant until = node == null ? null : node.maintenanceUntil();
        return until != null && until.isAfter(cluster.now());
    }

    boolean isLeaving(String disk) {
        DiskState state = cluster.disks().get(disk);
        if (state == null) {
            return false;
        }
        NodeState node = cluster.nodeOf(state);
        return state.evacuate() || (node != null && node.evacuate());
    }

    /** Where a disk is: "disk … on node1". */
    String place(String disk) {
        DiskState state = cluster.disks().get(disk);
        return "disk " + disk + (state == null || state.node().isEmpty() ? "" : " on " + state.node());
    }

    /** Why a disk is away, and what happens about it. */
    String why(String disk) {
        DiskState state = cluster.disks().get(disk);
        if (state == null) {
            return "there is no such Disk any more; plug it in again, or its replica is replaced";
        }
        Instant since = awaySince(disk);
        if (since == null) {
            return "";
        }
        String what;
        if (state.failedSince() != null) {
            what = "the disk failed: " + state.why();
        } else if (since.equals(Instant.EPOCH)) {
            what = "nothing was ever heard of node " + state.node();
        } else {
            what = "node " + state.node() + " was not heard of since " + words(since);
        }
        if (inMaintenance(disk)) {
            return what + "; the node is in maintenance, the replica waits for it";
        }
        Instant end = since.plus(rules.replaceAfter());
        return what
                + (end.isAfter(cluster.now())
                        ? "; the replica is replaced at " + words(end)
                        : "; the replica is replaced");
    }

    /** A moment, and no duration up to now: what people are told must not change while nothing happens. */
    static String words(Instant moment) {
        return moment.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
