package storage.cairn.campaign;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** What faults are seen to have done: a fault that strikes and changes nothing proves nothing. Any thread counts. */
final class Effects {
    static final String CUT_OFF = "packets cut off";
    static final String LOST = "packets lost";
    static final String DELAYED = "pieces delayed";
    static final String RESET = "connections reset";
    static final String LATE = "pieces that arrived late";
    static final String KILLED = "processes killed";
    static final String OVERTAKEN = "owners overtaken while they stood still";
    static final String BACK = "owners again after they stood still";
    static final String GUEST_ASKED = "requests to engines that stood still";
    static final String GUEST_ANSWERED = "of those answered";
    static final String SUPERSEDED = "requests refused on a superseded export";
    static final String NO_SPACE = "answers 'no space'";
    static final String DISK_ERRORS = "disk operations failed";
    static final String DISK_STALLED = "disk operations held up";
    static final String CHECKSUMS = "blocks with a wrong checksum";
    static final String CONFIG = "outages told by engines";
    static final String TAKEOVERS = "takeovers";
    static final String TAKEN_OUT = "replicas taken out";
    static final String REBUILT = "rebuilds";
    static final String REPAIRED = "repairs";

    private final Map<String, Long> counts = new TreeMap<>();

    synchronized void add(String effect, long count) {
        if (count > 0) {
            counts.merge(effect, count, Long::sum);
        }
    }

    synchronized long of(String effect) {
        return counts.getOrDefault(effect, 0L);
    }

    @Override
    public synchronized String toString() {
        List<String> all = new ArrayList<>();
        counts.forEach((effect, count) -> all.add(String.format(Locale.ROOT, "%s %,d", effect, count)));
        return all.isEmpty() ? "none" : String.join(", ", all);
    }
}
