package storage.cairn.schedulerextender;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.schedulerextender.Wire.Arguments;

/**
 * Remembers pods of which nodes were refused, and touches one when a node would do now: kube-scheduler hears of no
 * change of our resources, and would look at the pod again only after five minutes.
 */
final class Waker {
    private static final int MAX_PODS = 200;
    private static final Logger LOG = LogManager.getLogger(Waker.class);

    private final Claims claims;
    private final Consumer<PodVolumes> touch;
    private final Executor executor;

    private final LinkedHashMap<String, Waiting> waiting = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Waiting> eldest) {
            // The eldest is looked at by kube-scheduler by itself soonest.
            return size() > MAX_PODS;
        }
    };

    private record Waiting(PodVolumes pod, List<String> refused) {}

    /**
     * @param touch changes the pod so that kube-scheduler looks at it again
     * @param executor that may block
     */
    Waker(Claims claims, Consumer<PodVolumes> touch, Executor executor) {
        this.claims = claims;
        this.touch = touch;
        this.executor = executor;
    }

    /** Remembers the pod if all nodes were refused. */
    void filtered(Arguments asked, Map<String, String> refusals) {
        synchronized (waiting) {
            waiting.remove(asked.pod().uid());
            if (!refusals.isEmpty() && refusals.size() == asked.nodes().size()) {
                waiting.put(asked.pod().uid(), new Waiting(asked.pod(), List.copyOf(refusals.keySet())));
            }
        }
    }

    void changed(Snapshot snapshot) {
        List<Waiting> all;
        synchronized (waiting) {
            all = List.copyOf(waiting.values());
        }
        for (Waiting each : all) {
            List<Claim> ours = claims.of(each.pod());
            Map<String, String> refusals = new Decision(snapshot, ours).refusals(each.refused());
            if (refusals.size() < each.refused().size()) {
                synchronized (waiting) {
                    waiting.remove(each.pod().uid());
                }
                LOG.info(
                        "pod={}/{} a node would do now",
                        each.pod().namespace(),
                        each.pod().name());
                executor.execute(() -> touch.accept(each.pod()));
            }
        }
    }

    int size() {
        synchronized (waiting) {
            return waiting.size();
        }
    }
}
