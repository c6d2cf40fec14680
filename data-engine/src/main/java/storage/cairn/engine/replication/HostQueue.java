package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.Status;

/** Admits a volume's host operations within their bounds, in order, and fails those that wait too long. */
final class HostQueue {
    private final NodeContext context;
    private final ArrayDeque<HostOp> waiting = new ArrayDeque<>();
    private final List<HostOp> admitted = new ArrayList<>();
    private long admittedBytes;
    private boolean open;
    private boolean pumping;

    HostQueue(NodeContext context) {
        this.context = context;
    }

    /** Takes an operation; it begins later, when it must wait. */
    void submit(HostOp op) {
        op.startedNanos = context.now();
        if (waiting.size() >= context.settings.limits().queuedOperations()) {
            context.clock.execute(() -> {
                op.tell(Status.BUSY);
                op.discard();
            });
            return;
        }
        waiting.add(op);
        pump();
    }

    void refuse(HostOp op, Status status) {
        context.clock.execute(() -> {
            op.tell(status);
            op.discard();
        });
    }

    void open(boolean value) {
        open = value;
        pump();
    }

    /** An admitted operation is over. */
    void finished(HostOp op) {
        int last = admitted.size() - 1;
        HostOp moved = admitted.get(last);
        admitted.set(op.place, moved);
        moved.place = op.place;
        admitted.remove(last);
        op.place = -1;
        admittedBytes -= op.bytes();
        pump();
    }

    private void pump() {
        if (pumping) {
            return;
        }
        pumping = true;
        while (open && !waiting.isEmpty() && mayAdmit(waiting.peek())) {
            HostOp op = waiting.remove();
            op.place = admitted.size();
            admitted.add(op);
            admittedBytes += op.bytes();
            op.begin();
        }
        pumping = false;
    }

    private boolean mayAdmit(HostOp op) {
        NodeSettings.Limits limits = context.settings.limits();
        return admitted.isEmpty()
                || (admitted.size() < limits.volumeOperations() && admittedBytes + op.bytes() <= limits.volumeBytes());
    }

    int admitted() {
        return admitted.size();
    }

    int waiting() {
        return waiting.size();
    }

    boolean idle() {
        return admitted.isEmpty() && waiting.isEmpty();
    }

    /** Fails everything older than {@code bornBefore}: the host gets an error, the outcome stays open. */
    void expire(long bornBefore) {
        for (HostOp op = waiting.peek(); op != null && op.startedNanos - bornBefore < 0; op = waiting.peek()) {
            waiting.remove();
            op.tell(Status.UNAVAILABLE);
            op.discard();
        }
        for (HostOp op : List.copyOf(admitted)) {
            if (!op.told() && op.startedNanos - bornBefore < 0) {
                op.tell(Status.UNAVAILABLE);
                op.withdraw();
            }
        }
    }

    /** The client is gone and may ask again elsewhere (I25): what has not begun never does. */
    void abandon(ClientVolume client) {
        for (HostOp op : List.copyOf(waiting)) {
            if (client.equals(op.client)) {
                waiting.remove(op);
                refuse(op, Status.UNAVAILABLE);
            }
        }
    }

    /** The owner stopped: everything ends with {@code status}. */
    void stop(Status status) {
        open = false;
        List<HostOp> all = new ArrayList<>(admitted);
        all.addAll(waiting);
        admitted.clear();
        waiting.clear();
        admittedBytes = 0;
        for (HostOp op : all) {
            op.place = -1;
            op.tell(status);
            op.discard();
        }
    }
}
