package storage.cairn.schedulerextender;

import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Who of those that renew a Lease is alive. What counts is that it was seen to change, by the clock of this machine;
 * only of one that has not been watched for long enough its own time is believed.
 */
final class LastHeard {
    private final long silenceMillis;
    private final Map<String, Sign> signs = new ConcurrentHashMap<>();

    private record Sign(Instant renewed, long changedMillis, boolean seenToChange) {}

    LastHeard(long silenceMillis) {
        this.silenceMillis = silenceMillis;
    }

    /**
     * @param renewed what the Lease says
     * @param nowMillis of a clock that never goes back
     */
    void seen(String lease, @Nullable Instant renewed, long nowMillis) {
        if (renewed == null) {
            signs.remove(lease);
            return;
        }
        signs.compute(lease, (name, before) -> {
            if (before == null) {
                return new Sign(renewed, nowMillis, false);
            }
            return before.renewed().equals(renewed) ? before : new Sign(renewed, nowMillis, true);
        });
    }

    void gone(String lease) {
        signs.remove(lease);
    }

    boolean isAlive(String lease, long nowMillis, Instant now) {
        Sign sign = signs.get(lease);
        if (sign == null || nowMillis - sign.changedMillis() > silenceMillis) {
            return false;
        }
        return sign.seenToChange()
                || Math.abs(now.toEpochMilli() - sign.renewed().toEpochMilli()) <= silenceMillis;
    }
}
