package storage.cairn.engine.replication;

import java.util.TreeMap;
import storage.cairn.engine.port.Log;

/** Tells the log why streams of others are refused: each reason once in a while, since who is refused tries again. */
final class Refusals {
    private static final long AGAIN_MILLIS = 60_000;
    private static final int MAX_REASONS = 64;

    private final NodeContext context;
    private final TreeMap<String, Long> saidNanos = new TreeMap<>();

    Refusals(NodeContext context) {
        this.context = context;
    }

    void refused(String peer, String reason) {
        long now = context.now();
        saidNanos.values().removeIf(said -> now - said >= NodeContext.nanos(AGAIN_MILLIS));
        if (saidNanos.size() < MAX_REASONS && saidNanos.putIfAbsent(reason, now) == null) {
            context.log.event(Log.Level.WARN, peer, 0, "StreamRefused", reason);
        }
    }
}
