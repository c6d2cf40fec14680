package storage.cairn.replicamanager.failover;

import java.util.Collection;
import java.util.TreeSet;
import storage.cairn.replicamanager.failover.Verdict.Cause;
import storage.cairn.replicamanager.failover.Verdict.Reason;

/** Decides which nodes are dead, from what is known of all of them. Whoever is in doubt is held, with the reason. */
final class Judge {
    private static final int HUNDRED = 100;

    private final Limits limits;
    private final Collection<Host> hosts;
    private final TreeSet<String> gone = new TreeSet<>();

    Judge(Limits limits, Collection<Host> hosts) {
        this.limits = limits;
        this.hosts = hosts;
        for (Host host : hosts) {
            if (seemsDead(host) || (host.failed() && host.aliveMillis() == 0)) {
                gone.add(host.name());
            }
        }
    }

    Verdict verdict(Host host) {
        if (host.number() == 0) {
            // No volume of ours is there: its pods are not our concern.
            return new Verdict.Alive();
        }
        if (!seemsDead(host)) {
            if (storageFailed(host)) {
                return host.optedOut()
                        ? new Verdict.Held(Reason.OPTED_OUT, "its engine is dead, and it is labelled to be left alone")
                        : new Verdict.Dead(
                                Cause.STORAGE,
                                "its engine was not heard of for " + host.engineSilentMillis() / 1_000
                                        + " s, while kubelet lives");
            }
            return host.failed() && host.aliveMillis() >= limits.returnedMillis()
                    ? new Verdict.Returned()
                    : new Verdict.Alive();
        }
        if (host.optedOut()) {
            return new Verdict.Held(Reason.OPTED_OUT, "it is labelled to be left alone");
        }
        if (!othersLive(host)) {
            return new Verdict.Held(
                    Reason.CUT_OFF, "no other node's Lease was renewed lately: it may be this process that is cut off");
        }
        if (!host.reachedBy().isEmpty()) {
            return new Verdict.Held(
                    Reason.STILL_SERVING,
                    "its engine is still reached by " + String.join(", ", new TreeSet<>(host.reachedBy()))
                            + ": its leases may be alive");
        }
        if (tooManyGone()) {
            return new Verdict.Held(
                    Reason.BRAKE,
                    gone.size() + " of " + hosts.size() + " nodes seem dead (" + String.join(", ", gone)
                            + "), more than " + limits.mostPercent()
                            + " %: that is rather a network; delete pods by hand, or label nodes");
        }
        if (host.confirmedMillis() > limits.confirmedMillis()) {
            return new Verdict.Unconfirmed();
        }
        return new Verdict.Dead(Cause.NODE, evidence(host));
    }

    /** One node of few may always fail. */
    private boolean tooManyGone() {
        return gone.size() > Math.max(1, hosts.size() * limits.mostPercent() / HUNDRED);
    }

    private boolean seemsDead(Host host) {
        // A machine that answers may be one that only renews late.
        long patience = host.answeredMillis() < limits.unreachableMillis()
                ? limits.answeringMillis()
                : limits.nodeLeaseMillis();
        boolean silent =
                host.kubeletSilentMillis() >= patience && (host.number() == 0 || host.engineSilentMillis() >= patience);
        return silent || missed(host);
    }

    /** Engines say so, and neither kubelet nor engine nor machine has shown life since: no engine that is restarted. */
    private boolean missed(Host host) {
        return host.missedMillis() >= limits.unreachableMillis()
                && host.answeredMillis() >= limits.unreachableMillis()
                && host.reachedBy().isEmpty()
                && host.kubeletSilentMillis() >= host.missedMillis()
                && host.engineSilentMillis() >= host.missedMillis();
    }

    private boolean storageFailed(Host host) {
        return host.engineSilentMillis() >= limits.engineMillis()
                && host.kubeletSilentMillis() < limits.nodeLeaseMillis()
                && host.reachedBy().isEmpty()
                && !host.maintenance();
    }

    private boolean othersLive(Host host) {
        for (Host other : hosts) {
            if (!other.name().equals(host.name()) && other.kubeletSilentMillis() <= limits.othersMillis()) {
                return true;
            }
        }
        return false;
    }

    private String evidence(Host host) {
        String silent = "kubelet's Lease is unchanged for " + host.kubeletSilentMillis() / 1_000 + " s";
        return missed(host)
                ? "it cannot be reached by " + String.join(", ", new TreeSet<>(host.missedBy())) + " for "
                        + host.missedMillis() / 1_000 + " s, and " + silent
                : silent;
    }
}
