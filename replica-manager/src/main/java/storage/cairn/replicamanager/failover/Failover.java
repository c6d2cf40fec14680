package storage.cairn.replicamanager.failover;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.api.resource.Api;
import storage.cairn.replicamanager.failover.Hands.Ending;
import storage.cairn.replicamanager.failover.Hands.Failed;
import storage.cairn.replicamanager.failover.Hands.Victim;
import storage.cairn.replicamanager.failover.Verdict.Cause;
import storage.cairn.replicamanager.failover.Verdict.Dead;
import storage.cairn.replicamanager.failover.Verdict.Held;
import storage.cairn.replicamanager.failover.Verdict.Reason;

/**
 * Does what follows from verdicts, each round anew, always in this order: the volumes that the dead node owns are fenced,
 * then no pod of ours may be put there, then its pods that use our volumes are deleted, so that they start elsewhere. A
 * step that failed is tried again in the next round, and no later one is taken before.
 */
final class Failover {
    private static final long MINUTE_MILLIS = 60_000;
    private static final long LOOK_AGAIN_MILLIS = 5_000;
    private static final String HELD = "FailoverHeld";
    private static final Logger LOG = LogManager.getLogger(Failover.class);

    private final Limits limits;
    private final boolean dryRun;
    private final Hands hands;
    private final FailoverFigures figures;
    private final Deque<Long> begun = new ArrayDeque<>();
    private final Map<String, String> told = new HashMap<>();
    private final Map<String, Long> underWay = new TreeMap<>();
    private final Map<String, Long> doneWith = new HashMap<>();

    /**
     * @param dryRun everything is decided and told, nothing is done
     */
    Failover(Limits limits, boolean dryRun, Hands hands, FailoverFigures figures) {
        this.limits = limits;
        this.dryRun = dryRun;
        this.hands = hands;
        this.figures = figures;
    }

    /** One round. */
    void round(Map<String, Host> hosts, long now) {
        told.keySet().retainAll(hosts.keySet());
        underWay.keySet().retainAll(hosts.keySet());
        doneWith.keySet().retainAll(underWay.keySet());
        Judge judge = new Judge(limits, hosts.values());
        for (Host host : new TreeMap<>(hosts).values()) {
            try {
                act(host, judge.verdict(host), now);
            } catch (Failed e) {
                figures.failed();
                tell(host, "FailoverRetried", e.getMessage() + "; it is tried again", true);
            }
        }
        figures.underWay(underWay.size());
    }

    private void act(Host host, Verdict verdict, long now) throws Failed {
        switch (verdict) {
            case Verdict.Alive ignored -> over(host);
            case Verdict.Returned ignored -> returned(host);
            case Verdict.Unconfirmed ignored -> hands.confirm(host.name());
            case Held held -> held(host, held);
            case Dead dead -> {
                if (mayBegin(host, now)) {
                    failOver(host, dead, now);
                } else {
                    held(host, new Held(Reason.RATE, limits.nodesPerMinute() + " failovers began within a minute"));
                }
            }
        }
    }

    private void over(Host host) {
        underWay.remove(host.name());
        String last = told.remove(host.name());
        if (last != null && last.startsWith(HELD)) {
            hands.tell(host.name(), "FailoverNotNeeded", "the node lives", false);
        }
    }

    private void held(Host host, Held held) {
        if (tell(host, HELD, held.why(), true)) {
            figures.held(held.reason());
        }
    }

    private void returned(Host host) throws Failed {
        underWay.remove(host.name());
        if (!host.clean()) {
            tell(
                    host,
                    "FailoverTaintStays",
                    "the node lives again, and may still have mounts and devices of volumes that others took over:"
                            + " its CSI driver cleans them and says so; by hand: kubectl taint node " + host.name()
                            + " "
                            + Api.FAILED_TAINT + "-",
                    true);
            return;
        }
        if (tell(host, "FailoverOver", prefix() + "the node lives again and is clean: it may host volumes", false)) {
            figures.returned();
        }
        if (!dryRun) {
            hands.untaint(host.name());
        }
    }

    private boolean mayBegin(Host host, long now) {
        if (underWay.containsKey(host.name()) || host.failed()) {
            return true;
        }
        while (!begun.isEmpty() && now - begun.peekFirst() > MINUTE_MILLIS) {
            begun.removeFirst();
        }
        if (begun.size() >= limits.nodesPerMinute()) {
            return false;
        }
        begun.addLast(now);
        return true;
    }

    private void failOver(Host host, Dead dead, long now) throws Failed {
        if (underWay.putIfAbsent(host.name(), now) == null) {
            figures.began(dead.cause());
            tell(host, "FailoverBegins", prefix() + "the node counts as dead: " + dead.why(), true);
        }
        Long done = doneWith.get(host.name());
        if (done != null && now - done < LOOK_AGAIN_MILLIS) {
            return;
        }
        List<String> owned = hands.owned(host.number());
        if (dryRun) {
            tell(
                    host,
                    "FailoverDryRun",
                    "nothing is done (dry run): " + owned.size() + " volumes would be fenced and "
                            + hands.victims(host.name()).size() + " pods deleted",
                    true);
            return;
        }
        for (String volume : owned) {
            hands.fence(volume, host.number());
            figures.fenced();
        }
        if (!owned.isEmpty()) {
            tell(host, "VolumesFenced", owned.size() + " volumes that it served were taken from it", true);
        }
        quieten(host, dead);
        if (!host.failed()) {
            hands.taint(host.name());
            tell(host, "NodeTainted", "no pod is put there until it is clean again", true);
        }
        List<Victim> victims = hands.victims(host.name());
        delete(host, dead, victims);
        if (host.failed() && owned.isEmpty() && victims.isEmpty()) {
            doneWith.put(host.name(), now);
        }
    }

    /** A help for those who come after, and nothing that safety depends on: where it fails, the rest is done all the same. */
    private void quieten(Host host, Dead dead) {
        if (dead.cause() == Cause.NODE && !host.failed()) {
            try {
                hands.unready(host.name());
            } catch (Failed e) {
                figures.failed();
                LOG.warn("node={} our pods there still count as ready: {}", host.name(), e.getMessage());
            }
        }
    }

    private void delete(Host host, Dead dead, List<Victim> victims) throws Failed {
        List<String> names = new ArrayList<>();
        for (Victim pod : victims.subList(0, Math.min(victims.size(), limits.podsAtOnce()))) {
            boolean force = dead.cause() == Cause.NODE || pod.ending() == Ending.OVERDUE;
            if (force || pod.ending() == Ending.NOT_ASKED) {
                hands.delete(pod, force);
                figures.deleted();
                names.add(pod.namespace() + "/" + pod.name());
            }
        }
        if (!names.isEmpty()) {
            tell(host, "PodsDeleted", String.join(", ", names), true);
        }
    }

    private String prefix() {
        return dryRun ? "(dry run) " : "";
    }

    /** Says it, unless it was the last thing said of the node; figures in words change too often to count. */
    private boolean tell(Host host, String reason, String message, boolean warning) {
        String key = reason + message.replaceAll("[0-9]+ s", "").toLowerCase(Locale.ROOT);
        if (key.equals(told.put(host.name(), key))) {
            return false;
        }
        LOG.info("node={} {} {}", host.name(), reason, message);
        hands.tell(host.name(), reason, message, warning);
        return true;
    }
}
