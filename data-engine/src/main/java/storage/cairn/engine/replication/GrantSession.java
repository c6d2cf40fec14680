package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import storage.cairn.engine.protocol.Grant;

/**
 * What this node, as the keeper of replicas, has promised to one run of one owner's process: when it last renewed,
 * and which volumes are excepted. An exception is told with each grant until the owner has said that it saw it.
 */
final class GrantSession {
    final int node;
    final UUID id;

    private final TreeMap<String, Told> exceptions = new TreeMap<>();
    private long lastRenewNanos;
    private boolean everRenewed;
    private boolean ended;
    private long sequence;

    GrantSession(int node, UUID id) {
        this.node = node;
        this.id = id;
    }

    private record Told(Grant.Exception exception, long sequence) {}

    /** Whether some renewal was processed; then {@link #lastRenewNanos} says when the last one was. */
    boolean everRenewed() {
        return everRenewed;
    }

    long lastRenewNanos() {
        return lastRenewNanos;
    }

    /** The process said that it serves nothing any more, and never will again. */
    void end() {
        ended = true;
    }

    boolean ended() {
        return ended;
    }

    void except(Grant.Exception exception) {
        exceptions.put(exception.volume() + "/" + exception.disk(), new Told(exception, 0));
    }

    /** Processes a renewal now, unless there are too many exceptions to tell with one grant. */
    Grant renew(long nowNanos, long seenSequence, List<Grant.Disk> disks) {
        sequence++;
        List<Grant.Exception> told = new ArrayList<>();
        boolean all = !ended;
        for (Iterator<Told> each = exceptions.values().iterator(); each.hasNext(); ) {
            Told entry = each.next();
            if (entry.sequence > 0 && entry.sequence <= seenSequence) {
                each.remove();
            }
        }
        for (var each : exceptions.entrySet()) {
            if (told.size() == Grant.MAX_EXCEPTIONS) {
                all = false;
                break;
            }
            Told entry = each.getValue();
            told.add(entry.exception);
            if (entry.sequence == 0) {
                each.setValue(new Told(entry.exception, sequence));
            }
        }
        if (all) {
            lastRenewNanos = nowNanos;
            everRenewed = true;
        }
        return new Grant(sequence, all, disks, told);
    }
}
