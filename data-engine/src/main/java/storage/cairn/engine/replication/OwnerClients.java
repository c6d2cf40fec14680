package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.Status;

/** Who uses an owned volume, and who waits until it is served. */
final class OwnerClients {
    /** How long a host may need from one owner to the next. */
    private static final long IN_USE_NANOS = 10_000_000_000L;

    private final NodeContext context;
    private final List<ClientVolume> clients = new ArrayList<>();
    private final List<VolumeOwner.Started> waiting = new ArrayList<>();
    private long usedNanos;

    OwnerClients(NodeContext context) {
        this.context = context;
        this.usedNanos = context.now();
    }

    void await(VolumeOwner.Started started) {
        waiting.add(started);
    }

    void serving() {
        List<VolumeOwner.Started> told = List.copyOf(waiting);
        waiting.clear();
        told.forEach(VolumeOwner.Started::serving);
    }

    /** The volume is not served here any more. */
    void stopped(Status status, String reason) {
        List<VolumeOwner.Started> told = List.copyOf(waiting);
        waiting.clear();
        told.forEach(each -> each.failed(status, reason));
        lost(status, reason);
    }

    /** The volume's export was superseded: its clients are of the past. */
    void dismiss(String reason) {
        lost(Status.FENCED, reason);
    }

    private void lost(Status status, String reason) {
        for (ClientVolume client : List.copyOf(clients)) {
            client.lost(status, reason);
        }
        clients.clear();
    }

    void add(ClientVolume client) {
        clients.add(client);
    }

    void remove(ClientVolume client) {
        clients.remove(client);
        usedNanos = context.now();
    }

    int count() {
        return clients.size();
    }

    /** Whether a host uses the volume, or may be on its way here: it was here, or at the last owner, a moment ago. */
    boolean inUse() {
        return !clients.isEmpty() || !waiting.isEmpty() || context.now() - usedNanos < IN_USE_NANOS;
    }
}
