package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageClusterStatus;
import storage.cairn.api.resource.StorageClusterStatus.Phase;
import storage.cairn.api.resource.StorageNode;

/** How the whole cluster is, for people: its phase, figures and conditions, each with what to do about it. */
final class Summary {
    /** An engine that takes longer to start is worth a word. */
    static final Duration START = Duration.ofMinutes(2);

    private static final int MAX_NAMED = 5;

    private final StorageCluster cluster;
    private final Observed observed;
    private final Settings settings;

    Summary(StorageCluster cluster, Observed observed, Settings settings) {
        this.cluster = cluster;
        this.observed = observed;
        this.settings = settings;
    }

    /** The status, and which of its conditions turned. */
    record Told(StorageClusterStatus status, List<Conditions.Turn> turns) {}

    Told tell(Identity identity, Plan plan, List<String> problems, Rollout.Step rollout) {
        Map<String, Pod> pods = podsByNode();
        int ready = 0;
        List<String> starting = new ArrayList<>();
        List<String> wrong = new ArrayList<>(problems);
        for (EngineNode node : plan.nodes()) {
            Pod pod = pods.get(node.name());
            if (pod != null && Rollout.isReady(pod)) {
                ready++;
            } else {
                starting.add(node.name());
                if (pod != null && pod.getMetadata().getDeletionTimestamp() == null && isOverdue(pod)) {
                    wrong.add("the engine of " + node.name() + " is not ready: see kubectl logs -n "
                            + settings.namespace() + " " + pod.getMetadata().getName());
                }
            }
        }
        int readyDisks = disks(wrong);
        remarks(wrong);
        List<String> degraded = new Redundancy(observed).degraded();
        if (!degraded.isEmpty()) {
            wrong.add(degraded.size() + " volumes lack copies: " + named(degraded)
                    + "; they get them back by themselves once enough disks serve");
        }
        if (rollout instanceof Rollout.Step.Wait wait && wait.stuck()) {
            wrong.add(wait.why());
        }
        Conditions conditions = new Conditions(
                cluster.getStatus() == null ? null : cluster.getStatus().conditions(),
                cluster.getMetadata().getGeneration(),
                observed.now());
        available(conditions, plan, ready);
        boolean upgrading = !(rollout instanceof Rollout.Step.Done);
        progressing(conditions, starting, rollout);
        conditions.set(
                "Degraded",
                !wrong.isEmpty(),
                wrong.isEmpty() ? "AllWell" : "SomethingIsWrong",
                wrong.isEmpty() ? "nothing is wrong" : String.join(". ", wrong));
        Phase phase;
        if (upgrading) {
            phase = Phase.UPGRADING;
        } else if (!wrong.isEmpty()) {
            phase = Phase.DEGRADED;
        } else {
            phase = starting.isEmpty() && ready > 0 ? Phase.READY : Phase.INSTALLING;
        }
        return new Told(
                new StorageClusterStatus(
                        phase,
                        identity.clusterId(),
                        upgrading ? before() : settings.version(),
                        ready,
                        readyDisks,
                        observed.volumes(),
                        capacity(),
                        cluster.getMetadata().getGeneration(),
                        conditions.list()),
                conditions.turns());
    }

    private @Nullable String before() {
        return cluster.getStatus() == null ? null : cluster.getStatus().version();
    }

    private static void available(Conditions conditions, Plan plan, int ready) {
        if (plan.nodes().isEmpty()) {
            conditions.set(
                    "Available",
                    false,
                    "NoNodes",
                    "no node is selected by spec.nodeSelector: label nodes, or change it");
        } else {
            conditions.set(
                    "Available",
                    ready > 0,
                    ready > 0 ? "EnginesServe" : "NoEngines",
                    ready + " of " + plan.nodes().size() + " engines are ready"
                            + (ready > 0 ? "" : ": see kubectl get pods -n cairn-system"));
        }
    }

    private static void progressing(Conditions conditions, List<String> starting, Rollout.Step rollout) {
        switch (rollout) {
            case Rollout.Step.Restart restart ->
                conditions.set(
                        "Progressing",
                        true,
                        "Upgrading",
                        "restarts the engine of " + Rollout.nodeOf(restart.pod()) + ", " + restart.left() + " to go");
            case Rollout.Step.Wait wait ->
                conditions.set("Progressing", true, "Upgrading", wait.left() + " engines to go; " + wait.why());
            case Rollout.Step.Done done ->
                conditions.set(
                        "Progressing",
                        !starting.isEmpty(),
                        starting.isEmpty() ? "Done" : "EnginesStart",
                        starting.isEmpty()
                                ? "every engine runs what it should"
                                : "engines start on " + named(starting));
        }
    }

    private Map<String, Pod> podsByNode() {
        Map<String, Pod> pods = new TreeMap<>();
        for (Pod pod : observed.enginePods()) {
            pods.merge(Rollout.nodeOf(pod), pod, (one, other) -> Rollout.isReady(one) ? one : other);
        }
        return pods;
    }

    private boolean isOverdue(Pod pod) {
        String created = pod.getMetadata().getCreationTimestamp();
        return created != null && Instant.parse(created).plus(START).isBefore(observed.now());
    }

    /** Counts those that serve, and says what is wrong with the others. */
    private int disks(List<String> wrong) {
        int ready = 0;
        List<String> failed = new ArrayList<>();
        for (Disk disk : observed.disks()) {
            DiskStatus status = disk.getStatus();
            if (status == null || status.state() == null) {
                continue;
            }
            switch (status.state()) {
                case READY, DRAINING -> ready++;
                case FAILED -> {
                    if (isEmptied(disk, status)) {
                        continue;
                    }
                    failed.add((status.path() == null ? disk.getMetadata().getName() : status.path()) + " on "
                            + status.node() + " (" + status.reason() + ")");
                }
                case DISCOVERED -> {}
            }
        }
        if (!failed.isEmpty()) {
            wrong.add(failed.size() + " disks cannot be used: " + named(failed)
                    + "; exclude them in spec.disks.exclude, or mend them");
        }
        return ready;
    }

    /** What engines say of their nodes that no Disk tells. */
    private void remarks(List<String> wrong) {
        for (StorageNode node : observed.storageNodes()) {
            List<Condition> conditions =
                    node.getStatus() == null ? null : node.getStatus().conditions();
            for (Condition each : conditions == null ? List.<Condition>of() : conditions) {
                if (each.getType().equals("Ready")
                        && each.getMessage() != null
                        && !each.getMessage().isEmpty()) {
                    wrong.add("on " + node.getMetadata().getName() + " " + each.getMessage());
                }
            }
        }
    }

    /** Whether it was emptied so that it can be taken away, and was. */
    private static boolean isEmptied(Disk disk, DiskStatus status) {
        return disk.getSpec() != null
                && Boolean.TRUE.equals(disk.getSpec().evacuate())
                && Integer.valueOf(0).equals(status.replicas());
    }

    private Capacity capacity() {
        List<Capacity> capacities = new ArrayList<>();
        for (Disk disk : observed.disks()) {
            DiskStatus status = disk.getStatus();
            if (status != null && status.state() == DiskStatus.State.READY && status.capacity() != null) {
                capacities.add(status.capacity());
            }
        }
        return Pools.sum(capacities);
    }

    static String named(List<String> names) {
        return String.join(", ", names.subList(0, Math.min(MAX_NAMED, names.size())))
                + (names.size() > MAX_NAMED ? " and " + (names.size() - MAX_NAMED) + " more" : "");
    }
}
