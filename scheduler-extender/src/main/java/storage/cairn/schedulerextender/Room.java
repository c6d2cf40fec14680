package storage.cairn.schedulerextender;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Spread;
import storage.cairn.schedulerextender.Claim.Unbound;
import storage.cairn.schedulerextender.Snapshot.Machine;
import storage.cairn.schedulerextender.Snapshot.Pool;
import storage.cairn.schedulerextender.Snapshot.Storage;

/** Which disks have room for replicas of volumes that are not made yet, by the rules by which replicas are placed. */
final class Room {
    private static final int HUNDRED = 100;

    private final Snapshot snapshot;

    Room(Snapshot snapshot) {
        this.snapshot = snapshot;
    }

    /** Bytes that a disk may still promise, 0 when it takes no new replica. */
    private long free(Storage disk, Pool pool) {
        Machine machine = snapshot.machine(disk.node());
        if (machine == null
                || !machine.schedulable()
                || machine.evacuate()
                || disk.leaving()
                || !snapshot.serves(disk)
                || disk.usedBytes() >= disk.usableBytes() / HUNDRED * pool.fullPercent()) {
            return 0;
        }
        return Math.max(0, limit(disk, pool) - disk.promisedBytes());
    }

    private static long limit(Storage disk, Pool pool) {
        return disk.usableBytes() / HUNDRED * pool.overProvisioningPercent();
    }

    /** A disk of one node, and what it has left. */
    private static final class Shelf {
        private final long limit;
        private long free;

        Shelf(long free, long limit) {
            this.free = free;
            this.limit = Math.max(1, limit);
        }
    }

    /**
     * The share of the disks that is left when one replica of each claim is on the node: 0 to 1, negative when they do
     * not all fit. The largest claim takes the emptiest disk first; what claims on their way to the node will take is
     * taken before.
     */
    double left(String node, List<Unbound> claims) {
        Map<String, List<Shelf>> shelves = new HashMap<>();
        double least = 1;
        for (Unbound claim : largestFirst(claims)) {
            List<Shelf> pool = shelves.computeIfAbsent(claim.pool(), name -> shelves(node, name, claims));
            Shelf taken = take(pool, claim.bytes());
            if (taken == null || taken.free < 0) {
                return -1;
            }
            least = Math.min(least, (double) taken.free / taken.limit);
        }
        return least;
    }

    private static List<Unbound> largestFirst(List<Unbound> claims) {
        List<Unbound> sorted = new ArrayList<>(claims);
        sorted.sort(Comparator.comparingLong(Unbound::bytes).reversed().thenComparing(Unbound::name));
        return sorted;
    }

    private List<Shelf> shelves(String node, String name, List<Unbound> claims) {
        Pool pool = snapshot.pool(name);
        List<Shelf> all = new ArrayList<>();
        if (pool != null) {
            for (Storage disk : snapshot.disksOf(node)) {
                if (disk.pool().equals(name)) {
                    all.add(new Shelf(free(disk, pool), limit(disk, pool)));
                }
            }
            long own = 0;
            for (Unbound claim : claims) {
                own += claim.pool().equals(name) && claim.selectedNode().equals(node) ? claim.bytes() : 0;
            }
            take(all, Math.max(0, snapshot.reserved(node, name) - own));
        }
        return all;
    }

    private static @Nullable Shelf take(List<Shelf> shelves, long bytes) {
        Shelf emptiest = null;
        for (Shelf shelf : shelves) {
            if (emptiest == null || shelf.free > emptiest.free) {
                emptiest = shelf;
            }
        }
        if (emptiest != null) {
            emptiest.free -= bytes;
        }
        return emptiest;
    }

    /**
     * Nodes, zones or racks where one replica of the claim has room.
     *
     * @param all of them
     * @param wanted as many are needed
     */
    record Domains(Set<String> all, int wanted, Spread spread) {
        boolean enough() {
            return all.size() >= wanted;
        }
    }

    Domains domains(Unbound claim, Pool pool) {
        Spread own = claim.spread();
        Spread spread = own == null ? pool.spread() : own;
        Set<String> domains = new TreeSet<>();
        for (Storage disk : snapshot.disksIn(claim.pool())) {
            if (free(disk, pool) >= claim.bytes()) {
                domains.add(domain(disk.node(), spread));
            }
        }
        return new Domains(domains, claim.replicas() == 0 ? pool.replicas() : claim.replicas(), spread);
    }

    private String domain(String node, Spread spread) {
        Machine machine = snapshot.machine(node);
        String zone = machine == null ? "" : machine.zone();
        return switch (spread) {
            case NODE -> node;
            case ZONE -> zone;
            case RACK -> zone + "/" + (machine == null ? "" : machine.rack());
        };
    }
}
