package storage.cairn.client.relay;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Lets a request start only when no earlier one under way conflicts with it. A request may be sent a second time, at
 * another node, when the first one's reply was lost: as nothing on its bytes is under way beside it, both are one after
 * the other with nothing in between, and have the effect of one.
 *
 * <p>Bounded by who adds. Safe for use by several threads.
 */
final class InOrder {
    private final Consumer<Request> start;
    /** Those that have not ended, in the order in which they came. */
    private final List<Request> under = new ArrayList<>();
    /** Those of them that wait for an earlier one. */
    private final List<Request> waiting = new ArrayList<>();

    InOrder(Consumer<Request> start) {
        this.start = start;
    }

    synchronized void add(Request request) {
        boolean free = under.stream().noneMatch(request::conflictsWith);
        under.add(request);
        if (free) {
            start.accept(request);
        } else {
            waiting.add(request);
        }
    }

    synchronized void ended(Request request) {
        if (!under.remove(request)) {
            throw new IllegalStateException("a request ended that was not under way: " + request.cookie());
        }
        List<Request> free = waiting.stream().filter(this::mayStart).toList();
        // All of them before the first starts: it may end at once, within this call.
        waiting.removeAll(free);
        free.forEach(start);
    }

    private boolean mayStart(Request request) {
        for (Request earlier : under) {
            if (earlier.equals(request)) {
                return true;
            }
            if (request.conflictsWith(earlier)) {
                return false;
            }
        }
        throw new IllegalStateException("a request waits that is not under way: " + request.cookie());
    }
}
