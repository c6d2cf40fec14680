package storage.cairn.replicamanager.failover;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Remembers when it last saw each Lease change, by one clock that never goes back. Safe for several threads. */
final class Vigil {
    private final Limits limits;
    private final Map<String, Sign> kubelets = new HashMap<>();
    private final Map<String, Sign> engines = new HashMap<>();
    private final Map<String, Missed> missed = new HashMap<>();
    private final Map<String, Long> missedSince = new HashMap<>();
    private final Map<String, Long> confirmed = new HashMap<>();
    private final Map<String, Long> answered = new HashMap<>();
    private final Map<String, Long> aliveSince = new HashMap<>();

    private record Sign(String value, long millis) {}

    Vigil(Limits limits) {
        this.limits = limits;
    }

    /** What somebody knows of a node beside its Leases. */
    record Traits(int number, boolean optedOut, boolean maintenance, boolean failed, boolean clean) {}

    /** @param value of kubelet's Lease, whatever changes with each renewal */
    synchronized void kubelet(String node, String value, long now) {
        seen(kubelets, node, value, now);
    }

    /**
     * Whom an engine has no connection to, by name.
     *
     * @param unreachable those that do not answer
     * @param refused those whose machine says that no engine listens there: it may be one that is being restarted
     */
    record Missed(Set<String> unreachable, Set<String> refused) {
        Missed {
            unreachable = Set.copyOf(unreachable);
            refused = Set.copyOf(refused);
        }
    }

    /**
     * @param says null: it does not say whom it misses
     */
    synchronized void engine(String node, String value, @Nullable Missed says, long now) {
        seen(engines, node, value, now);
        if (says == null) {
            missed.remove(node);
        } else {
            missed.put(node, says);
        }
    }

    private static void seen(Map<String, Sign> signs, String node, String value, long now) {
        Sign before = signs.get(node);
        if (before == null || !before.value().equals(value)) {
            signs.put(node, new Sign(value, now));
        }
    }

    /** Kubelet's Lease as a read from the store itself gave it. */
    synchronized void confirm(String node, String value, long now) {
        Sign before = kubelets.get(node);
        kubelet(node, value, now);
        if (before != null && before.value().equals(value)) {
            confirmed.put(node, now);
        }
    }

    /** Its machine answered a knock. */
    synchronized void answered(String node, long now) {
        answered.put(node, now);
    }

    /** Nodes as they are now; of those of which nothing was ever heard nothing can be said. */
    synchronized Map<String, Host> hosts(Map<String, Traits> nodes, long now) {
        Map<String, Host> hosts = new HashMap<>();
        nodes.forEach((name, traits) -> {
            Sign kubelet = kubelets.get(name);
            if (kubelet != null) {
                hosts.put(name, host(name, traits, kubelet, nodes, now));
            }
        });
        return hosts;
    }

    private Host host(String name, Traits traits, Sign kubelet, Map<String, Traits> nodes, long now) {
        Set<String> missedBy = new TreeSet<>();
        Set<String> reachedBy = new TreeSet<>();
        int others = 0;
        for (Map.Entry<String, Missed> each : missed.entrySet()) {
            String other = each.getKey();
            if (!other.equals(name) && nodes.containsKey(other) && isHeard(other, now)) {
                others++;
                if (each.getValue().unreachable().contains(name)) {
                    missedBy.add(other);
                } else if (!each.getValue().refused().contains(name)) {
                    reachedBy.add(other);
                }
            }
        }
        boolean missedByEnough = traits.number() != 0 && others > 0 && missedBy.size() >= Math.min(2, others);
        if (missedByEnough) {
            missedSince.putIfAbsent(name, now);
        } else {
            missedSince.remove(name);
        }
        Sign engine = engines.get(name);
        long kubeletSilent = now - kubelet.millis();
        // One that never ran cannot have died.
        long engineSilent = engine == null ? kubeletSilent : now - engine.millis();
        boolean alive = kubeletSilent < limits.nodeLeaseMillis()
                && (traits.number() == 0 || engineSilent < limits.nodeLeaseMillis())
                && !missedByEnough;
        if (alive) {
            aliveSince.putIfAbsent(name, now);
        } else {
            aliveSince.remove(name);
        }
        return new Host(
                name,
                traits.number(),
                kubeletSilent,
                engineSilent,
                missedBy,
                now - missedSince.getOrDefault(name, now),
                traits.number() == 0 ? Set.of() : reachedBy,
                now - confirmed.getOrDefault(name, Long.MIN_VALUE / 2),
                now - answered.getOrDefault(name, Long.MIN_VALUE / 2),
                now - aliveSince.getOrDefault(name, now),
                traits.optedOut(),
                traits.maintenance(),
                traits.failed(),
                traits.clean());
    }

    /** Whether what it says is of now. Its word of a node that died after it counts as long as it lives itself. */
    private boolean isHeard(String node, long now) {
        Sign engine = engines.get(node);
        return engine != null && now - engine.millis() < limits.nodeLeaseMillis();
    }
}
