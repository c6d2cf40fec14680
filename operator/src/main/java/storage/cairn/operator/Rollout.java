package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.StorageNode;

/**
 * Restarts engines that run something else than the DaemonSet says, one node at a time. The next one waits until every
 * engine is ready and every volume has all of its copies. After the first one of a revision, the canary, it waits
 * longer; a canary that does not become ready stops the rollout.
 */
final class Rollout {
    static final Duration CANARY_PAUSE = Duration.ofSeconds(30);
    static final Duration PAUSE = Duration.ofSeconds(5);
    static final Duration PATIENCE = Duration.ofMinutes(5);

    /** What to do now. */
    sealed interface Step {
        /** Every engine runs what it should. */
        record Done() implements Step {}

        /**
         * @param stuck whether only somebody's help ends it
         */
        record Wait(String why, boolean stuck, int left) implements Step {}

        /** Delete this pod; the DaemonSet makes its successor. */
        record Restart(Pod pod, int left) implements Step {}
    }

    private final Observed observed;
    private final String revision;
    private final boolean despiteDegraded;

    Rollout(Observed observed, String revision, boolean despiteDegraded) {
        this.observed = observed;
        this.revision = revision;
        this.despiteDegraded = despiteDegraded;
    }

    Step next() {
        List<Pod> old = new ArrayList<>();
        List<Pod> current = new ArrayList<>();
        for (Pod pod : observed.enginePods()) {
            (revision.equals(revisionOf(pod)) ? current : old).add(pod);
        }
        if (old.isEmpty()) {
            return new Step.Done();
        }
        // One that does not work anyway keeps nothing from being mended: it comes first, and nothing is waited for.
        for (Pod pod : old) {
            if (!isReady(pod) && !terminating(pod) && current.isEmpty() && others(pod, old)) {
                return new Step.Restart(pod, old.size());
            }
        }
        String reason = waitFor(current);
        if (reason != null) {
            return new Step.Wait(reason, isStuck(current), old.size());
        }
        Map<String, Integer> owned = owned();
        old.sort(Comparator.comparing((Pod pod) -> isReady(pod))
                .thenComparing(pod -> owned.getOrDefault(nodeOf(pod), 0))
                .thenComparing(Rollout::nodeOf));
        return new Step.Restart(old.getFirst(), old.size());
    }

    /** Whether every old pod but this one is ready. */
    private static boolean others(Pod broken, List<Pod> old) {
        return old.stream().filter(each -> !each.equals(broken)).allMatch(Rollout::isReady);
    }

    private @Nullable String waitFor(List<Pod> current) {
        for (Pod pod : observed.enginePods()) {
            if (terminating(pod)) {
                return "the engine of " + nodeOf(pod) + " hands its volumes over";
            }
        }
        for (Pod pod : current) {
            if (!isReady(pod)) {
                return isStuck(current)
                        ? "the engine of " + nodeOf(pod) + " has not become ready for " + PATIENCE.toMinutes()
                                + " minutes, so no other is restarted: see kubectl logs -n "
                                + pod.getMetadata().getNamespace() + " "
                                + pod.getMetadata().getName()
                                + ", and correct or take back what was changed"
                        : "the engine of " + nodeOf(pod) + " starts";
            }
        }
        for (Pod pod : observed.enginePods()) {
            if (!isReady(pod) && !current.isEmpty()) {
                return "the engine of " + nodeOf(pod) + " is not ready";
            }
        }
        List<String> degraded = new Redundancy(observed).degraded();
        if (!degraded.isEmpty() && !despiteDegraded) {
            return degraded.size() + " volumes lack copies (" + degraded.getFirst()
                    + (degraded.size() > 1 ? ", ..." : "") + "); set the annotation " + Names.UPGRADE_ANYWAY
                    + "=true on the StorageCluster to go on all the same";
        }
        Duration pause = current.size() == 1 ? CANARY_PAUSE : PAUSE;
        for (Pod pod : current) {
            if (readySince(pod).plus(pause).isAfter(observed.now())) {
                return "the engine of " + nodeOf(pod) + " is watched for " + pause.toSeconds() + " s";
            }
        }
        return null;
    }

    private boolean isStuck(List<Pod> current) {
        return current.stream()
                .anyMatch(pod -> !isReady(pod) && created(pod).plus(PATIENCE).isBefore(observed.now()));
    }

    /** Volumes that each node serves: the one that serves fewest is the canary. */
    private Map<String, Integer> owned() {
        Map<String, Integer> owned = new HashMap<>();
        for (StorageNode node : observed.storageNodes()) {
            if (node.getStatus() != null && node.getStatus().owned() != null) {
                owned.put(node.getMetadata().getName(), node.getStatus().owned());
            }
        }
        return owned;
    }

    static @Nullable String revisionOf(Pod pod) {
        Map<String, String> annotations = pod.getMetadata().getAnnotations();
        return annotations == null ? null : annotations.get(Names.REVISION);
    }

    static String nodeOf(Pod pod) {
        String node = pod.getSpec() == null ? null : pod.getSpec().getNodeName();
        return node == null ? "(none yet)" : node;
    }

    static boolean isReady(Pod pod) {
        return !terminating(pod) && readyCondition(pod) != null;
    }

    private static boolean terminating(Pod pod) {
        return pod.getMetadata().getDeletionTimestamp() != null;
    }

    private static @Nullable PodCondition readyCondition(Pod pod) {
        if (pod.getStatus() == null) {
            return null;
        }
        return pod.getStatus().getConditions().stream()
                .filter(each ->
                        each.getType().equals("Ready") && each.getStatus().equals("True"))
                .findFirst()
                .orElse(null);
    }

    private static Instant readySince(Pod pod) {
        PodCondition ready = readyCondition(pod);
        return ready == null || ready.getLastTransitionTime() == null
                ? Instant.MAX.minus(PATIENCE)
                : Instant.parse(ready.getLastTransitionTime());
    }

    private Instant created(Pod pod) {
        String at = pod.getMetadata().getCreationTimestamp();
        return at == null ? observed.now() : Instant.parse(at);
    }
}
