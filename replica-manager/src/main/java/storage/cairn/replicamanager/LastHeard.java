package storage.cairn.replicamanager;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/**
 * When each engine last showed that it lives. What counts is that its Lease was seen to change, by a clock that never
 * goes back: the engine's clock or this machine's may be wrong by hours, or jump. What a Lease says itself is believed
 * of one that is silent alone, so that it has not been silent for a shorter time whenever somebody new looks.
 *
 * <p>When nothing at all was heard for as long as one may be silent, it was this process that was cut off, or the API
 * server was away: as soon as something is heard again, everybody has as long once more. For one thread.
 */
final class LastHeard {
    private final Duration silence;
    private final Map<String, Beat> beats = new HashMap<>();
    private long heardNanos;

    private record Beat(Instant renewed, long seenNanos) {}

    /** @param silence an engine that shows nothing for longer is silent */
    LastHeard(Duration silence) {
        this.silence = silence;
    }

    /**
     * @param renewed what the Lease of each engine says
     * @param now by the clock of this machine
     * @param nanos by one that never goes back
     * @return when each was heard of last, by the clock of this machine
     */
    Map<String, Instant> look(Map<String, Instant> renewed, Instant now, long nanos) {
        beats.keySet().retainAll(renewed.keySet());
        boolean heard = false;
        boolean cutOff = !beats.isEmpty() && nanos - heardNanos > silence.toNanos();
        for (Map.Entry<String, Instant> each : renewed.entrySet()) {
            Beat before = beats.get(each.getKey());
            if (before == null || !before.renewed().equals(each.getValue())) {
                beats.put(each.getKey(), new Beat(each.getValue(), nanos));
                heard = true;
            }
        }
        if (heard) {
            heardNanos = nanos;
        }
        if (heard && cutOff) {
            beats.replaceAll((name, beat) -> new Beat(beat.renewed(), nanos));
        }
        Map<String, Instant> last = new HashMap<>();
        beats.forEach((name, beat) -> last.put(name, last(beat, now, nanos - beat.seenNanos())));
        return last;
    }

    private Instant last(Beat beat, Instant now, long agoNanos) {
        Instant seen = now.minusNanos(agoNanos);
        return agoNanos > silence.toNanos() && beat.renewed().isBefore(seen) ? beat.renewed() : seen;
    }
}
