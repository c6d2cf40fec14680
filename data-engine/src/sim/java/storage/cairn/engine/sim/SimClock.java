package storage.cairn.engine.sim;

import java.util.PriorityQueue;
import java.util.function.Predicate;
import storage.cairn.engine.port.Clock;

/** The one event queue of a simulated world: events run by time, and among equals in the order they were made. */
public final class SimClock implements Clock {
    private final PriorityQueue<Event> queue = new PriorityQueue<>();
    private long now;
    private long made;

    @Override
    public long nanos() {
        return now;
    }

    @Override
    public long wallMillis() {
        return now / 1_000_000;
    }

    @Override
    public Timer after(long delayNanos, Runnable task) {
        if (delayNanos < 0) {
            throw new IllegalArgumentException("a delay of " + delayNanos + " ns");
        }
        Event event = new Event(now + delayNanos, made++, task);
        queue.add(event);
        return event;
    }

    @Override
    public void execute(Runnable task) {
        after(0, task);
    }

    /** Drops what will do nothing any more. */
    void forget(Predicate<Runnable> over) {
        queue.removeIf(event -> over.test(event.task));
    }

    /** Runs the next event; false when there is none. */
    public boolean step() {
        for (Event event = queue.poll(); event != null; event = queue.poll()) {
            if (!event.cancelled) {
                now = event.at;
                event.task.run();
                return true;
            }
        }
        return false;
    }

    /** Runs everything due up to {@code nanos}, and lets that be the time. */
    public void runUntil(long nanos) {
        for (Event next = queue.peek(); next != null && next.at <= nanos; next = queue.peek()) {
            step();
        }
        now = Math.max(now, nanos);
    }

    private static final class Event implements Timer, Comparable<Event> {
        final long at;
        final long order;
        final Runnable task;
        boolean cancelled;

        Event(long at, long order, Runnable task) {
            this.at = at;
            this.order = order;
            this.task = task;
        }

        @Override
        public void cancel() {
            cancelled = true;
        }

        @Override
        public int compareTo(Event other) {
            return at != other.at ? Long.compare(at, other.at) : Long.compare(order, other.order);
        }
    }
}
