package storage.cairn.replicamanager.failover;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Nodes n1, n2 ... on a virtual clock, each with a kubelet and an engine that renew their Leases each 10 s, out of step.
 * Each owns a volume named as it, which a pod of that name uses. What failover does is noted with its moment.
 */
final class SimulatedCluster implements Hands {
    private static final long STEP_MILLIS = 500;
    private static final long RENEW_MILLIS = 10_000;

    /** A node, and what is wrong with it. */
    static final class SimulatedNode {
        final String name;
        final int number;
        boolean kubelet = true;
        boolean engine = true;
        boolean reachable = true;
        boolean apiReachable = true;
        boolean optedOut;
        boolean maintenance;
        boolean failed;
        boolean clean;
        boolean reports = true;
        int kubeletBeats;
        int engineBeats;

        SimulatedNode(String name, int number) {
            this.name = name;
            this.number = number;
        }

        void die() {
            kubelet = false;
            engine = false;
            reachable = false;
        }

        void live() {
            kubelet = true;
            engine = true;
            reachable = true;
        }
    }

    final Map<String, SimulatedNode> nodes = new TreeMap<>();
    final Map<String, Integer> owners = new TreeMap<>();
    final Map<String, Victim> pods = new TreeMap<>();
    final Map<String, String> podNode = new HashMap<>();
    final List<String> done = new ArrayList<>();
    final Set<String> quiet = new TreeSet<>();
    final List<String> told = new ArrayList<>();
    final Set<String> broken = new TreeSet<>();
    private final Limits limits;
    private final Vigil vigil;
    private final Failover failover;
    private long now = 1_000_000;
    private final long began = now;
    boolean weAreCutOff;

    SimulatedCluster(int count, boolean dryRun) {
        this(count, dryRun, Limits.DEFAULTS);
    }

    SimulatedCluster(int count, boolean dryRun, Limits limits) {
        this.limits = limits;
        this.vigil = new Vigil(limits);
        this.failover = new Failover(limits, dryRun, this, new FailoverFigures(new SimpleMeterRegistry()));
        for (int number = 1; number <= count; number++) {
            String name = "n" + number;
            nodes.put(name, new SimulatedNode(name, number));
            owners.put("v" + number, number);
            pods.put("p" + number, new Victim("default", "p" + number, "uid-" + number, Ending.NOT_ASKED));
            podNode.put("p" + number, name);
        }
        run(30_000);
    }

    SimulatedNode node(int number) {
        SimulatedNode node = nodes.get("n" + number);
        if (node == null) {
            throw new IllegalArgumentException("there is no node " + number);
        }
        return node;
    }

    /** Milliseconds since the start. */
    long time() {
        return now - began;
    }

    void run(long millis) {
        long end = now + millis;
        while (now < end) {
            now += STEP_MILLIS;
            for (SimulatedNode node : nodes.values()) {
                beat(node);
            }
            if (!weAreCutOff) {
                nodes.values().forEach(this::see);
            }
            Map<String, Vigil.Traits> traits = new HashMap<>();
            for (SimulatedNode node : nodes.values()) {
                traits.put(
                        node.name,
                        new Vigil.Traits(node.number, node.optedOut, node.maintenance, node.failed, node.clean));
            }
            failover.round(vigil.hosts(traits, now), now);
            // What a read from the store showed is used at once.
            failover.round(vigil.hosts(traits(), now), now);
        }
    }

    private Map<String, Vigil.Traits> traits() {
        Map<String, Vigil.Traits> traits = new HashMap<>();
        for (SimulatedNode node : nodes.values()) {
            traits.put(
                    node.name, new Vigil.Traits(node.number, node.optedOut, node.maintenance, node.failed, node.clean));
        }
        return traits;
    }

    private void beat(SimulatedNode node) {
        long phase = (now + node.number * 2_500L) % RENEW_MILLIS;
        if (node.kubelet && node.apiReachable && phase == 0) {
            node.kubeletBeats++;
        }
        if (node.engine && node.apiReachable && phase == 5_000) {
            node.engineBeats++;
        }
    }

    private void see(SimulatedNode node) {
        vigil.kubelet(node.name, "k" + node.kubeletBeats, now);
        Set<String> unreachable = new TreeSet<>();
        Set<String> refused = new TreeSet<>();
        for (SimulatedNode other : nodes.values()) {
            if (other != node && !(other.reachable && node.reachable)) {
                unreachable.add(other.name);
            } else if (other != node && !other.engine) {
                refused.add(other.name);
            }
        }
        boolean speaks = node.engine && node.apiReachable && node.reports;
        if (speaks || !node.reports) {
            vigil.engine(
                    node.name,
                    "e" + node.engineBeats,
                    node.reports ? new Vigil.Missed(unreachable, refused) : null,
                    now);
        }
    }

    private void fails(String step) throws Failed {
        if (weAreCutOff) {
            throw new Failed("no answer from the API server");
        }
        if (broken.contains(step)) {
            throw new Failed(step + " does not work");
        }
    }

    private void note(String what) {
        done.add(what);
    }

    @Override
    public void confirm(String node) throws Failed {
        fails("confirm");
        SimulatedNode which = nodes.get(node);
        if (which != null && which.reachable) {
            vigil.answered(node, now);
        }
        vigil.confirm(node, "k" + (which == null ? 0 : which.kubeletBeats), now);
    }

    @Override
    public List<String> owned(int number) throws Failed {
        fails("owned");
        return owners.entrySet().stream()
                .filter(each -> each.getValue() == number)
                .map(Map.Entry::getKey)
                .toList();
    }

    @Override
    public void fence(String volume, int number) throws Failed {
        fails("fence");
        owners.put(volume, 0);
        note("fence " + volume);
    }

    @Override
    public void taint(String node) throws Failed {
        fails("taint");
        node(Integer.parseInt(node.substring(1))).failed = true;
        note("taint " + node);
    }

    @Override
    public void untaint(String node) throws Failed {
        fails("untaint");
        node(Integer.parseInt(node.substring(1))).failed = false;
        note("untaint " + node);
    }

    @Override
    public void unready(String node) throws Failed {
        fails("unready");
        quiet.add(node);
    }

    @Override
    public List<Victim> victims(String node) throws Failed {
        fails("victims");
        return pods.values().stream()
                .filter(pod -> node.equals(podNode.get(pod.name())))
                .toList();
    }

    @Override
    public void delete(Victim pod, boolean force) throws Failed {
        fails("delete");
        note((force ? "force " : "delete ") + pod.name() + " " + pod.uid());
        if (force) {
            pods.remove(pod.name());
        } else {
            pods.put(pod.name(), new Victim(pod.namespace(), pod.name(), pod.uid(), Ending.UNDER_WAY));
        }
    }

    @Override
    public void tell(String node, String reason, String message, boolean warning) {
        told.add(node + " " + reason + ": " + message);
    }

    Limits limits() {
        return limits;
    }
}
