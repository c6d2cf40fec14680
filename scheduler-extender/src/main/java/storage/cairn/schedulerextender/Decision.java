package storage.cairn.schedulerextender;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.schedulerextender.Claim.Bound;
import storage.cairn.schedulerextender.Claim.Unbound;
import storage.cairn.schedulerextender.Snapshot.Data;
import storage.cairn.schedulerextender.Snapshot.Machine;
import storage.cairn.schedulerextender.Snapshot.Pool;
import storage.cairn.schedulerextender.Snapshot.Storage;

/**
 * Where one pod may run and where it is best, for its claims of our volumes and a snapshot: nothing else is asked, so
 * the same question always has the same answer. Reasons do not name the node, so that {@code kubectl describe pod}
 * counts equal ones together.
 */
final class Decision {
    /** Highest score that kube-scheduler takes. */
    static final int MOST = 10;

    private static final double IN_SYNC = 1;
    private static final double SERVED_ELSEWHERE = 0.8;
    private static final double LEAVING = 0.6;
    private static final double SYNCING = 0.5;
    private static final double SAME_ZONE = 0.3;
    private static final double FITS = 0.7;
    private static final int NAMED_NODES = 5;

    private final Snapshot snapshot;
    private final List<Claim> claims;
    private final List<Unbound> unbound = new ArrayList<>();
    private final List<Unbound> mustBeLocal = new ArrayList<>();
    /** Whose place matters. */
    private final List<Data> minded = new ArrayList<>();

    private final List<Unbound> mindedUnbound;
    private final double unboundBytes;
    private final double mindedBytes;
    private final double mindedTraffic;
    private final Room room;
    private final String everywhere;

    Decision(Snapshot snapshot, List<Claim> claims) {
        this.snapshot = snapshot;
        this.claims = List.copyOf(claims);
        this.room = new Room(snapshot);
        for (Claim claim : claims) {
            if (claim instanceof Unbound waiting) {
                unbound.add(waiting);
                if (waiting.locality() == Locality.REQUIRED) {
                    mustBeLocal.add(waiting);
                }
            } else if (claim instanceof Bound bound) {
                Data volume = snapshot.volume(bound.volume());
                if (volume != null && volume.locality() != Locality.NONE) {
                    minded.add(volume);
                }
            }
        }
        this.mindedUnbound = unbound.stream()
                .filter(each -> each.locality() != Locality.NONE)
                .toList();
        this.unboundBytes = mindedUnbound.stream().mapToLong(Unbound::bytes).sum();
        this.mindedBytes =
                unboundBytes + minded.stream().mapToDouble(Data::bytes).sum();
        this.mindedTraffic = minded.stream().mapToDouble(Data::bytesPerSecond).sum();
        this.everywhere = everywhere();
    }

    /** Why no node will do, empty when there is no such reason. */
    private String everywhere() {
        for (Unbound claim : unbound) {
            Pool pool = snapshot.pool(claim.pool());
            if (pool == null) {
                return claim.pool().isEmpty()
                        ? "claim " + claim.name() + ": its StorageClass names no pool, and there is not just one"
                        : "claim " + claim.name() + ": there is no StoragePool '" + claim.pool() + "'";
            }
            Room.Domains domains = room.domains(claim, pool);
            if (!domains.enough()) {
                return "claim " + claim.name() + ": pool '" + claim.pool() + "' has room for " + claim.bytes()
                        + " bytes in " + domains.all().size() + " "
                        + switch (domains.spread()) {
                            case NODE -> "nodes";
                            case ZONE -> "zones";
                            case RACK -> "racks";
                        }
                        + ", its replicas need " + domains.wanted();
            }
        }
        return "";
    }

    /** Those of the nodes that will not do, in their order, each with the reason. */
    Map<String, String> refusals(List<String> nodes) {
        Map<String, String> refusals = new LinkedHashMap<>();
        for (String node : nodes) {
            String refusal = claims.isEmpty() ? "" : refusal(node);
            if (!refusal.isEmpty()) {
                refusals.put(node, refusal);
            }
        }
        return refusals;
    }

    /** Why the pod may not run there; empty: it may. No refusal is one that an eviction of other pods would lift. */
    private String refusal(String node) {
        Machine machine = snapshot.machine(node);
        if (machine == null) {
            return "no Cairn engine runs on the node";
        }
        if (!machine.alive()) {
            return "the node's Cairn engine is not heard of";
        }
        if (machine.evacuate()) {
            return "the node is being evacuated of Cairn's volumes";
        }
        for (Claim claim : claims) {
            if (claim instanceof Bound bound) {
                Data volume = snapshot.volume(bound.volume());
                if (volume == null) {
                    return "claim " + claim.name() + ": Cairn knows no volume " + bound.volume();
                }
                if (volume.locality() == Locality.REQUIRED && !hasData(volume, node)) {
                    return "claim " + claim.name() + " wants its pod beside its data (locality required), which is "
                            + whereabouts(volume);
                }
            }
        }
        if (!everywhere.isEmpty()) {
            return everywhere;
        }
        if (!mustBeLocal.isEmpty() && room.left(node, mustBeLocal) < 0) {
            List<String> names =
                    mustBeLocal.stream().map(Unbound::name).sorted().toList();
            return "claim " + String.join(" and ", names) + " wants its data beside its pod (locality required), and"
                    + " the node's disks have no room for "
                    + mustBeLocal.stream().mapToLong(Unbound::bytes).sum() + " bytes";
        }
        return "";
    }

    private boolean hasData(Data volume, String node) {
        for (String id : volume.inSync()) {
            Storage disk = snapshot.disk(id);
            if (disk != null && disk.node().equals(node) && snapshot.serves(disk)) {
                return true;
            }
        }
        return false;
    }

    private String whereabouts(Data volume) {
        TreeSet<String> nodes = snapshot.nodesOf(volume);
        List<String> named = nodes.stream()
                .limit(NAMED_NODES)
                .map(node -> hasData(volume, node) ? node : node + " (it does not serve it now)")
                .toList();
        return named.isEmpty() ? "nowhere that is known now" : "on " + String.join(", ", named);
    }

    /**
     * How good the node is, from 0 to {@link #MOST}: the mean of its worth to each claim, weighted by its share of their
     * bytes and, when any was used lately, as much by its share of that.
     */
    int score(String node) {
        Machine machine = snapshot.machine(node);
        if (machine == null || !machine.alive() || machine.evacuate()) {
            return 0;
        }
        double worth = 0;
        for (Data volume : minded) {
            double weight = volume.bytes() / mindedBytes;
            if (mindedTraffic > 0) {
                weight = (weight + volume.bytesPerSecond() / mindedTraffic) / 2;
            }
            worth += weight * worth(volume, machine);
        }
        if (!mindedUnbound.isEmpty()) {
            double left = room.left(node, mindedUnbound);
            double share = unboundBytes / mindedBytes / (mindedTraffic > 0 ? 2 : 1);
            worth += share * (left < 0 ? 0 : FITS + (1 - FITS) * left);
        }
        return (int) Math.round(MOST * worth);
    }

    /** From 0 to 1. Another replica, wherever it is, makes it no less. */
    private double worth(Data volume, Machine machine) {
        Machine owner = snapshot.owner(volume);
        double whole = owner == null || owner.name().equals(machine.name()) ? IN_SYNC : SERVED_ELSEWHERE;
        double most = 0;
        for (String id : volume.inSync()) {
            most = Math.max(most, worth(snapshot.disk(id), machine, whole));
        }
        for (String id : volume.syncing()) {
            Storage disk = snapshot.disk(id);
            if (disk != null && disk.node().equals(machine.name()) && !disk.leaving() && snapshot.serves(disk)) {
                most = Math.max(most, SYNCING);
            }
        }
        return most;
    }

    private double worth(@Nullable Storage disk, Machine machine, double whole) {
        if (disk == null || !snapshot.serves(disk)) {
            return 0;
        }
        if (disk.node().equals(machine.name())) {
            return disk.leaving() ? LEAVING : whole;
        }
        Machine there = snapshot.machine(disk.node());
        return there != null && !there.zone().isEmpty() && there.zone().equals(machine.zone()) ? SAME_ZONE : 0;
    }
}
